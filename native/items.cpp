// SPDX-License-Identifier: Apache-2.0
#include "items.hpp"

#include <cstring>

namespace framedeflate {
namespace {

constexpr std::size_t kHeaderNbytes = 8;

constexpr std::size_t item_nbytes(std::size_t stream_nbytes) noexcept {
  return stream_nbytes == 0 ? 0 : kHeaderNbytes + stream_nbytes + (stream_nbytes & 1);
}

}  // namespace

std::size_t items_nbytes(const Deflated& deflated) noexcept {
  std::size_t nbytes = 0;
  for (const Deflated::Place& place : deflated.places) nbytes += item_nbytes(place.nbytes);
  return nbytes;
}

void write_items(const Deflated& deflated, std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i < deflated.places.size(); ++i) {
    const std::span<const std::uint8_t> stream = deflated.stream(i);
    if (stream.empty()) continue;
    const std::span<std::uint8_t> item = out.first(item_nbytes(stream.size()));
    const std::size_t length = item.size() - kHeaderNbytes;
    const std::uint8_t tag[] = {0xFE, 0xFF, 0x00, 0xE0};  // (FFFE,E000)
    std::memcpy(item.data(), tag, sizeof tag);
    for (std::size_t byte = 0; byte < 4; ++byte) {
      item[4 + byte] = static_cast<std::uint8_t>(length >> (8 * byte));
    }
    item.back() = 0;
    std::memcpy(&item[kHeaderNbytes], stream.data(), stream.size());
    out = out.subspan(item.size());
  }
}

}  // namespace framedeflate

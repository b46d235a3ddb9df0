// SPDX-License-Identifier: Apache-2.0
// Any Frame at any level: zlib inflates the stream to it, the stream is no larger than stored blocks, and no
// Frame encoded before changes its bytes.
//
// Input: level, and whether to draw, largely, and to encode again (1 byte), row_nbits (2), then the Frame
// itself or a program that draws it: small inputs can so stand for Frames with many blocks, long rows and far
// matches.
#include <zlib.h>

#include <vector>

#include "encoder.hpp"
#include "input.hpp"

namespace {

// Of a drawn Frame. Few are large: at the fast levels, of several blocks and parts.
std::size_t most_nbytes(unsigned way, int level) {
  return (way & 0x30) == 0x30 && level <= 3 ? (std::size_t{1} << 18) + 4096 : 1 << 12;
}

// Level 9 takes fifty times as long as level 1, and shares most of its code with level 7.
constexpr int kLevels[16] = {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9};

// A byte says what comes next, and how much of it: bytes of the input, one byte again and again, a row above,
// something further up, or noise.
std::vector<std::uint8_t> drawn(Input& input, std::size_t row, std::size_t most) {
  std::vector<std::uint8_t> frame;
  std::uint32_t noise = 1;
  while (!input.empty() && frame.size() < most) {
    const unsigned what = input.byte();
    std::size_t count = std::size_t{1 + (what >> 3 & 15)} << (what >= 224 ? 8 : 0);
    const auto copy = [&](std::size_t distance) {
      if (distance == 0 || distance > frame.size()) return;
      for (count *= 4; count != 0; --count) frame.push_back(frame[frame.size() - distance]);
    };
    switch (what & 7) {
      case 0:
      case 1:
        for (count = 1 + (what >> 3); count != 0; --count)
          frame.push_back(static_cast<std::uint8_t>(input.byte()));
        break;
      case 2:
        frame.insert(frame.end(), count * 8, static_cast<std::uint8_t>(input.byte()));
        break;
      case 3:
        frame.insert(frame.end(), count * 8, 0);
        break;
      case 4:
        copy(row);
        break;
      case 5:
        copy(input.word());
        break;
      case 6:
        copy(1 + input.byte());
        break;
      default:
        for (const unsigned mask = input.byte(); count != 0; --count) {
          noise = noise * 1664525 + 1013904223;
          frame.push_back(static_cast<std::uint8_t>(noise >> 24 & mask));
        }
    }
  }
  if (frame.size() > most) frame.resize(most);
  return frame;
}

std::size_t stored_nbytes(std::size_t nbytes) {
  return nbytes + 5 * std::max<std::size_t>(1, (nbytes + 65534) / 65535);
}

std::vector<std::uint8_t> encoded(std::span<const std::uint8_t> frame, std::size_t row_nbits, int level,
                                  framedeflate::EncoderScratch& scratch) {
  const Exact out(framedeflate::deflate_bound(frame.size()));
  const std::size_t nbytes = framedeflate::deflate_frame(frame, row_nbits, level, scratch, out.span());
  HOLDS(nbytes <= stored_nbytes(frame.size()), "larger than stored");
  return {out.span().begin(), out.span().begin() + static_cast<std::ptrdiff_t>(nbytes)};
}

void require_inflates_to(std::span<const std::uint8_t> stream, std::span<const std::uint8_t> frame) {
  const Exact out(frame.size() + 1);
  z_stream z{};
  HOLDS(inflateInit2(&z, -15) == Z_OK, "zlib does not start");
  z.next_in = const_cast<Bytef*>(stream.data());
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = out.span().data();
  z.avail_out = static_cast<uInt>(out.span().size());
  const int end = inflate(&z, Z_FINISH);
  const std::size_t consumed = stream.size() - z.avail_in, produced = out.span().size() - z.avail_out;
  inflateEnd(&z);
  HOLDS(end == Z_STREAM_END, "zlib refuses the stream");
  HOLDS(consumed == stream.size(), "bytes behind the stream");
  HOLDS(produced == frame.size() && std::equal(frame.begin(), frame.end(), out.span().begin()),
        "another Frame");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const unsigned way = input.byte();
  const int level = kLevels[way % 16];
  const std::size_t row_nbits = input.word();
  Exact frame(0);
  if (way < 128) {
    frame = Exact(input.rest());
  } else {
    frame = Exact(drawn(input, row_nbits / 8, most_nbytes(way, level)));
  }
  if (frame.span().empty()) return 0;  // a Frame has a byte at least

  (void)framedeflate::looks_photographic(frame.span(), row_nbits);
  framedeflate::EncoderScratch scratch;
  const std::vector<std::uint8_t> first = encoded(frame.span(), row_nbits, level, scratch);
  require_inflates_to(first, frame.span());
  if ((way & 64) == 0) return 0;
  // Something else in between: the same bytes the other way round, from the middle on.
  Exact other(frame.span().subspan(frame.span().size() / 2));
  std::reverse(other.span().begin(), other.span().end());
  const int other_level = 1 + level % 4;
  require_inflates_to(encoded(other.span(), row_nbits / 2, other_level, scratch), other.span());
  HOLDS(encoded(frame.span(), row_nbits, level, scratch) == first, "a Frame before changed the bytes");
  return 0;
}

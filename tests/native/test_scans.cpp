// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "element_scan.hpp"
#include "item_values.hpp"
#include "tests.hpp"

using framedeflate::ElementScan;
using framedeflate::ItemScan;

namespace {

using Bytes = std::vector<std::uint8_t>;

void put(Bytes& bytes, std::uint64_t value, unsigned nbytes, bool big_endian) {
  for (unsigned i = 0; i < nbytes; ++i)
    bytes.push_back(static_cast<std::uint8_t>(value >> 8 * (big_endian ? nbytes - 1 - i : i)));
}

void put_element(Bytes& bytes, std::uint32_t tag, const char* vr, std::uint32_t nbytes, bool implicit_vr,
                 bool big_endian) {
  put(bytes, tag >> 16, 2, big_endian);
  put(bytes, tag & 0xFFFF, 2, big_endian);
  if (implicit_vr) {
    put(bytes, nbytes, 4, big_endian);
  } else {
    bytes.push_back(static_cast<std::uint8_t>(vr[0]));
    bytes.push_back(static_cast<std::uint8_t>(vr[1]));
    const bool is_long = vr[0] == 'O' || vr[1] == 'Q';
    if (is_long) put(bytes, 0, 2, big_endian);
    put(bytes, nbytes, is_long ? 4 : 2, big_endian);
  }
}

// A tag, a sequence of defined length, Rows and Pixel Data, in each encoding; fed whole and bit by bit.
void check_encoding(bool implicit_vr, bool big_endian, Digest& digest) {
  Bytes bytes;
  put_element(bytes, 0x00080016, "UI", 6, implicit_vr, big_endian);
  bytes.resize(bytes.size() + 6, 0x31);
  put_element(bytes, 0x00081140, "SQ", 300, implicit_vr, big_endian);
  bytes.resize(bytes.size() + 300, 0xEE);
  const std::uint64_t rows_at = bytes.size();
  put_element(bytes, 0x00280010, "US", 2, implicit_vr, big_endian);
  put(bytes, 512, 2, big_endian);
  const std::uint64_t pixels_at = bytes.size();
  put_element(bytes, 0x7FE00010, "OW", 70000, implicit_vr, big_endian);
  const std::uint64_t value_at = bytes.size();
  bytes.resize(bytes.size() + 70000, 0x11);

  const std::uint64_t start = std::uint64_t{3} << 32;
  for (const std::size_t piece : {bytes.size(), std::size_t{12}, std::size_t{61}}) {
    ElementScan scan({start, start + bytes.size(), implicit_vr, big_endian, false, {0x00280010, 0x7FE00010}});
    while (scan.status() == ElementScan::Status::more) {
      const auto from = static_cast<std::size_t>(scan.resume() - start);
      scan.feed(std::span(bytes).subspan(from, std::min(piece, bytes.size() - from)), scan.resume());
    }
    CHECK(scan.status() == ElementScan::Status::done, "status %d", static_cast<int>(scan.status()));
    CHECK(scan.records().size() == 2, "%zu records", scan.records().size());
    const auto& rows = scan.records()[0];
    const auto& pixels = scan.records()[1];
    CHECK(rows.tag == 0x00280010 && rows.header_position == start + rows_at && rows.value_nbytes == 2,
          "Rows");
    CHECK(pixels.header_position == start + pixels_at && pixels.value_position == start + value_at &&
              pixels.value_nbytes == 70000,
          "Pixel Data");
    digest.add(scan.resume());
  }
}

// Two Items, each with a sequence that holds a number, in each encoding; and what they hold in Little Endian.
void check_item_values(bool implicit_vr, bool big_endian, Digest& digest) {
  Bytes items;
  const std::uint32_t nbytes = implicit_vr ? 26 : 30;
  for (const std::uint16_t number : {0x0102, 0xFFFE}) {
    put_element(items, 0xFFFEE000, "", nbytes, true, big_endian);
    put_element(items, 0x0062000A, "SQ", 18, implicit_vr, big_endian);
    put_element(items, 0xFFFEE000, "", 10, true, big_endian);
    put_element(items, 0x0062000B, "US", 2, implicit_vr, big_endian);
    put(items, number, 2, big_endian);
  }
  constexpr framedeflate::ItemPath kPaths[] = {{0x0062000A, 0x0062000B, 2}, {0, 0x0062000B, 2}};
  const framedeflate::ItemValues found =
      framedeflate::read_item_values({items, false, true, {implicit_vr, big_endian}}, kPaths, 2);
  CHECK(found.status == framedeflate::ItemValues::Status::done && found.resume == items.size(),
        "ends at %llu", static_cast<unsigned long long>(found.resume));
  CHECK(found.nbytes == (std::vector<std::int16_t>{2, -1, 2, -1}), "%zu sizes", found.nbytes.size());
  CHECK(found.values == (Bytes{2, 1, 0xFE, 0xFF}), "%zu bytes", found.values.size());
  for (const std::uint8_t byte : found.values) digest.add(byte);
}

}  // namespace

void test_scans(Digest& digest) {
  for (const bool implicit_vr : {false, true}) {
    for (const bool big_endian : {false, true}) {
      check_encoding(implicit_vr, big_endian, digest);
      check_item_values(implicit_vr, big_endian, digest);
    }
  }
  Bytes items;
  for (std::uint32_t nbytes : {0U, 6U, 258U, 66000U}) {
    put(items, 0xE000FFFE, 4, false);
    put(items, nbytes, 4, false);
    items.resize(items.size() + nbytes, 0x77);
  }
  put(items, 0xE0DDFFFE, 4, false);
  put(items, 0, 4, false);
  const ItemScan scan = framedeflate::scan_items(items, 0);
  CHECK(scan.status == ItemScan::Status::delimited && scan.resume == items.size(), "ends at %llu",
        static_cast<unsigned long long>(scan.resume));
  CHECK(scan.value_nbytes == (std::vector<std::uint64_t>{0, 6, 258, 66000}), "%zu Items",
        scan.value_nbytes.size());
  for (const std::uint64_t position : scan.value_positions) digest.add(position);
}

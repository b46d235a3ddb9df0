// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "equality_map.hpp"
#include "tests.hpp"

using framedeflate::map_equal;
using framedeflate::map_nwords;
using framedeflate::map_run_and_row;

namespace {

using Map = std::vector<std::uint64_t>;

Map plain_map(std::span<const std::uint8_t> bytes, std::size_t distance) {
  Map map(map_nwords(bytes.size()));
  for (std::size_t i = distance; i < bytes.size(); ++i)
    map[i / 64] |= std::uint64_t{bytes[i] == bytes[i - distance]} << (i % 64);
  return map;
}

bool is_uniform(std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    if (byte != bytes[0]) return false;
  }
  return true;
}

void check_windows(std::span<const std::uint8_t> bytes, const Map& map, Numbers& numbers) {
  for (int n = 0; n < 4; ++n) {
    const std::size_t from = numbers.below(bytes.size());
    const std::uint64_t window = framedeflate::map_window(map.data(), from);
    for (std::size_t i = 0; i < framedeflate::kMapWindow; ++i) {
      const bool expected = map[(from + i) / 64] >> ((from + i) % 64) & 1;
      CHECK((window >> i & 1) == expected, "bit %zu of the window at %zu", i, from);
    }
    const std::size_t most = bytes.size() - from;
    std::size_t length = 0;
    while (length < most && (map[(from + length) / 64] >> ((from + length) % 64) & 1) != 0) ++length;
    CHECK(framedeflate::run_length(map.data(), from, most) == length, "run of %zu at %zu", length, from);
  }
}

// Both ways to make the maps, on this machine and without SIMD, beside one comparison a byte. What the maps
// held before must not matter.
void check_maps(std::span<const std::uint8_t> bytes, std::size_t distance, Numbers& numbers, Digest& digest) {
  const std::size_t nwords = map_nwords(bytes.size());
  const Map run = plain_map(bytes, 1), row = plain_map(bytes, distance);
  Map made(nwords, ~std::uint64_t{0}), made_row(nwords, ~std::uint64_t{0});
  map_equal(bytes, distance, made.data());
  CHECK(made == row, "%zu bytes at %zu", bytes.size(), distance);
  framedeflate::portable::map_equal(bytes, distance, made.data());
  CHECK(made == row, "%zu bytes at %zu", bytes.size(), distance);
  for (const std::uint64_t word : made) digest.add(word);
  check_windows(bytes, made, numbers);
  if (distance < 2) return;
  for (const bool portable : {false, true}) {
    made.assign(nwords, 0x5555);
    made_row.assign(nwords, 0x5555);
    const bool uniform =
        portable ? framedeflate::portable::map_run_and_row(bytes, distance, made.data(), made_row.data())
                 : map_run_and_row(bytes, distance, made.data(), made_row.data());
    CHECK(made == run && made_row == row, "%zu bytes at 1 and %zu", bytes.size(), distance);
    CHECK(uniform == is_uniform(bytes), "%zu bytes: uniform %d", bytes.size(), uniform);
  }
}

}  // namespace

void test_equality_map(Digest& digest) {
  Numbers numbers(1);
  for (std::size_t nbytes = 1; nbytes < 400; ++nbytes) {
    std::vector<std::uint8_t> bytes(nbytes);
    const std::size_t kind = nbytes % 4;
    for (std::size_t i = 0; i < nbytes; ++i) {
      // Noise of few values, rows, one value, and one value with a few others.
      if (kind == 0) bytes[i] = static_cast<std::uint8_t>(numbers.below(3));
      if (kind == 1) bytes[i] = static_cast<std::uint8_t>(i % 13);
      if (kind == 3) bytes[i] = numbers.below(60) == 0 ? 9 : 5;
    }
    for (std::size_t distance = 1; distance < 70; distance += 1 + numbers.below(4))
      check_maps(bytes, distance, numbers, digest);
    check_maps(bytes, nbytes + 1, numbers, digest);
  }
  // Long runs with rare changes, where stretches are compared at once.
  for (int n = 0; n < 150; ++n) {
    std::vector<std::uint8_t> bytes;
    const std::size_t nbytes = 500 + numbers.below(6000), distance = 2 + numbers.below(700);
    while (bytes.size() < nbytes) {
      const auto value = static_cast<std::uint8_t>(numbers.below(3));
      bytes.insert(bytes.end(), 1 + numbers.below(1500), value);
    }
    check_maps(bytes, distance, numbers, digest);
  }
  // Every place for the one byte that differs.
  for (std::size_t place = 0; place < 1500; place += 1 + numbers.below(3)) {
    std::vector<std::uint8_t> bytes(1500, 0xFF);
    bytes[place] = 0xFE;
    check_maps(bytes, 2 + numbers.below(300), numbers, digest);
  }
}

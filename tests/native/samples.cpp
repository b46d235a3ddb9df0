// SPDX-License-Identifier: Apache-2.0
#include "samples.hpp"

#include <utility>

#include "check.hpp"

namespace {

struct Disc {
  std::int64_t x, y, r;
};

std::vector<Disc> discs(std::size_t count, std::size_t columns, std::size_t rows, std::size_t radius,
                        Numbers& numbers) {
  std::vector<Disc> result;
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = static_cast<std::int64_t>(numbers.below(columns)),
               y = static_cast<std::int64_t>(numbers.below(rows));
    result.push_back({x, y, static_cast<std::int64_t>(1 + numbers.below(radius))});
  }
  return result;
}

// The number of the last disc that holds the pixel, from 1; 0 for none.
std::size_t disc_at(const std::vector<Disc>& all, std::size_t column, std::size_t row) {
  for (std::size_t i = all.size(); i > 0; --i) {
    const Disc& disc = all[i - 1];
    const auto dx = static_cast<std::int64_t>(column) - disc.x, dy = static_cast<std::int64_t>(row) - disc.y;
    if (dx * dx + dy * dy < disc.r * disc.r) return i;
  }
  return 0;
}

Sample bilevel(const std::string& name, std::size_t columns, std::size_t rows, const std::vector<Disc>& all) {
  Sample sample{name, std::vector<std::uint8_t>((columns * rows + 7) / 8), columns};
  for (std::size_t i = 0; i < columns * rows; ++i) {
    if (disc_at(all, i % columns, i / columns) != 0)
      sample.frame[i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
  }
  return sample;
}

Sample labels(std::size_t columns, std::size_t rows, const std::vector<Disc>& all) {
  Sample sample{"labels", std::vector<std::uint8_t>(columns * rows), 8 * columns};
  for (std::size_t i = 0; i < columns * rows; ++i)
    sample.frame[i] = static_cast<std::uint8_t>(disc_at(all, i % columns, i / columns));
  return sample;
}

Sample noise(const std::string& name, std::size_t nbytes, unsigned mask, Numbers& numbers) {
  Sample sample{name, std::vector<std::uint8_t>(nbytes), 512};
  for (std::uint8_t& byte : sample.frame) byte = static_cast<std::uint8_t>(numbers.next() & mask);
  return sample;
}

}  // namespace

std::vector<Sample> samples() {
  Numbers numbers(2026);
  std::vector<Sample> all;
  for (const std::size_t columns : {64, 61, 65, 124, 256})
    all.push_back(bilevel("discs", columns, 96, discs(4, columns, 96, 24, numbers)));
  all.push_back(bilevel("nuclei", 512, 128, discs(160, 512, 128, 7, numbers)));
  all.push_back(bilevel("nuclei", 509, 128, discs(160, 509, 128, 7, numbers)));
  all.push_back(labels(128, 96, discs(30, 128, 96, 20, numbers)));
  for (const unsigned mask : {0xFFU, 0x03U, 0x80U}) all.push_back(noise("noise", 3000, mask, numbers));
  for (const std::size_t nbytes : {1, 2, 3, 7, 8, 9, 63, 64, 65, 300, 5000})
    all.push_back({"uniform", std::vector<std::uint8_t>(nbytes, static_cast<std::uint8_t>(nbytes)), 64});
  for (const std::size_t nbytes : {1, 2, 3, 7, 8, 9, 63, 64, 65, 300})
    all.push_back(noise("small", nbytes, 3, numbers));
  // Several blocks, stored and coded, and more than a part of 2^18 bytes.
  Sample large = noise("large", 40000, 0xFF, numbers);
  large.frame.resize((std::size_t{1} << 18) - 100, 7);
  const Sample& nuclei = all[5];
  for (int i = 0; i < 4; ++i) large.frame.insert(large.frame.end(), nuclei.frame.begin(), nuclei.frame.end());
  all.push_back(std::move(large));
  return all;
}

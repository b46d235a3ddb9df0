// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "copy_match.hpp"
#include "tests.hpp"

void test_copy_match(Digest& digest) {
  Numbers numbers(2);
  for (std::size_t distance = 1; distance <= 300; distance += distance < 70 ? 1 : 37) {
    for (std::size_t length = 1; length <= 600; length += length < 80 ? 1 : 17) {
      std::vector<std::uint8_t> before(distance + 8);
      for (std::uint8_t& byte : before) byte = static_cast<std::uint8_t>(numbers.next());
      std::vector<std::uint8_t> plain = before;
      for (std::size_t i = 0; i < length; ++i) plain.push_back(plain[plain.size() - distance]);

      std::vector<std::uint8_t> exact = before;
      exact.resize(before.size() + length);
      framedeflate::copy_match_exact(exact.data() + before.size(), distance, length);
      CHECK(exact == plain, "exact: distance %zu, length %zu", distance, length);

      std::vector<std::uint8_t> wide = before;
      wide.resize(before.size() + length + framedeflate::kCopySlack);
      framedeflate::copy_match_wide(wide.data() + before.size(), distance, length);
      wide.resize(before.size() + length);
      CHECK(wide == plain, "wide: distance %zu, length %zu", distance, length);
      digest.add(wide);
    }
  }
}

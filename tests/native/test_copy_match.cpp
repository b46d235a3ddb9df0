// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "copy_match.hpp"
#include "tests.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes resized(Bytes bytes, std::size_t nbytes) {
  bytes.resize(nbytes, 0xA5);
  return bytes;
}

// What lies before a match, and the same with it.
struct Match {
  Bytes before;
  Bytes whole;
  std::size_t distance;
  std::size_t length;
};

void check_with_room(const Match& match, std::size_t room) {
  Bytes bytes = resized(match.before, match.before.size() + room);
  std::uint8_t* const to = bytes.data() + match.before.size();
  const std::uint8_t* const end = framedeflate::copy_match(to, to + room, match.distance, match.length);
  const std::size_t n = std::min(match.length, room);
  CHECK(end == to + n, "distance %zu, length %zu, room %zu", match.distance, match.length, room);
  CHECK(std::equal(bytes.data(), to + n, match.whole.begin()), "distance %zu, length %zu, room %zu",
        match.distance, match.length, room);
}

template <bool kWide, bool kMixed>
void check_short(const Match& match) {
  if (match.length > framedeflate::kShortCopy<kWide>) return;
  Bytes bytes = resized(match.before, match.before.size() + framedeflate::kShortCopyReach);
  framedeflate::copy_match_short<kWide, kMixed>(bytes.data() + match.before.size(), match.distance,
                                                match.length);
  bytes.resize(match.whole.size());
  CHECK(bytes == match.whole, "short: distance %zu, length %zu", match.distance, match.length);
}

}  // namespace

void test_copy_match(Digest& digest) {
  Numbers numbers(2);
  for (std::size_t distance = 1; distance <= 300; distance += distance < 70 ? 1 : 37) {
    for (std::size_t length = 1; length <= 600; length += length < 80 ? 1 : 17) {
      Match match{.before = Bytes(distance + 8), .whole = {}, .distance = distance, .length = length};
      for (std::uint8_t& byte : match.before) byte = static_cast<std::uint8_t>(numbers.next());
      match.whole = match.before;
      for (std::size_t i = 0; i < length; ++i)
        match.whole.push_back(match.whole[match.whole.size() - distance]);

      for (const std::size_t room : {length, length + 1, length + 31, length + 32, length + 300, length / 2})
        check_with_room(match, room);
      check_short<false, false>(match);
      check_short<false, true>(match);
      check_short<true, false>(match);
      check_short<true, true>(match);
      digest.add(match.whole);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "far_matches.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace framedeflate {
namespace {

constexpr unsigned kMostHashBits = 15, kLeastHashBits = 10;
constexpr std::size_t kShort = 4;  // bytes that places in a tree share

// Eight bytes, the first lowest on every machine.
std::uint64_t load(const std::uint8_t* at) noexcept {
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, at, sizeof value);
  } else {
    for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{at[i]} << (8 * i);
  }
  return value;
}

std::size_t hashed(const std::uint8_t* at, unsigned shift) noexcept {
  return (load(at) << (64 - 8 * kShort)) * 0x9E3779B97F4A7C15U >> shift;
}

std::size_t equal_length(const std::uint8_t* a, const std::uint8_t* b, std::size_t length,
                         std::size_t most) noexcept {
  while (length + 8 <= most) {
    const std::uint64_t difference = load(a + length) ^ load(b + length);
    if (difference != 0) return length + static_cast<std::size_t>(std::countr_zero(difference)) / 8;
    length += 8;
  }
  while (length < most && a[length] == b[length]) ++length;
  return length;
}

// The bits at which 16 or more ones begin, as far as this word and the next tell.
std::uint64_t in_deep(std::uint64_t word, std::uint64_t next) noexcept {
  for (const unsigned shift : {1U, 2U, 4U, 8U}) {
    const std::uint64_t shifted = word >> shift | next << (64 - shift);
    next &= next >> shift;
    word &= shifted;
  }
  return word;
}

}  // namespace

void FarMatches::begin(std::span<const std::uint8_t> frame, const std::uint64_t* run_map, std::size_t run,
                       std::size_t row, std::size_t depth) {
  frame_ = frame;
  run_map_ = run_map;
  run_ = run;
  row_ = row;
  depth_ = depth;
  next_ = 0;
  const unsigned bits =
      std::clamp(static_cast<unsigned>(std::bit_width(frame.size())) - 1, kLeastHashBits, kMostHashBits);
  hash_shift_ = 64 - bits;
  roots_.assign(std::size_t{1} << bits, -1);
  if (children_.empty()) children_.resize(kWindow);
  clear();
}

void FarMatches::clear() {
  matches_.clear();
  places_.clear();
}

template <bool kKeep>
void FarMatches::descend(std::size_t i, std::size_t best, std::size_t most) {
  const std::uint8_t* const data = frame_.data();
  std::int32_t& root = roots_[hashed(data + i, hash_shift_)];
  std::int32_t candidate = root;
  root = static_cast<std::int32_t>(i);
  // Where what is smaller and what is larger than the new place goes on.
  std::int32_t* smaller = &children_[i % kWindow].smaller;
  std::int32_t* larger = &children_[i % kWindow].larger;
  std::size_t as_smaller = 0, as_larger = 0;  // bytes shared with the last of both
  for (std::size_t tries = depth_; candidate >= 0 && tries > 0; --tries) {
    const auto from = static_cast<std::size_t>(candidate);
    const std::size_t distance = i - from;
    if (distance >= kWindow) break;
    Children& children = children_[from % kWindow];
    const std::size_t length = equal_length(data + from, data + i, std::min(as_smaller, as_larger), most);
    if (kKeep && length > best && distance != run_ && distance != row_) {
      best = length;
      matches_.push_back({static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(distance),
                          distance_code(distance).symbol});
    }
    if (length == most) {
      *smaller = children.smaller;
      *larger = children.larger;
      return;
    }
    if (data[from + length] < data[i + length]) {
      *smaller = candidate;
      smaller = &children.larger;
      candidate = children.larger;
      as_smaller = length;
    } else {
      *larger = candidate;
      larger = &children.smaller;
      candidate = children.smaller;
      as_larger = length;
    }
  }
  *smaller = *larger = -1;
}

void FarMatches::insert_up_to(std::size_t i) {
  while (next_ < i) {
    // Bytes deep in a run would make deep trees of places that a run serves better.
    const std::size_t word = next_ >> 6;
    std::uint64_t places = ~in_deep(run_map_[word], run_map_[word + 1]) & (~std::uint64_t{0} << (next_ & 63));
    const std::size_t stop = std::min(i, (word + 1) << 6);
    if ((stop & 63) != 0) places &= (std::uint64_t{1} << (stop & 63)) - 1;
    for (; places != 0; places &= places - 1) {
      const std::size_t at = (word << 6) + static_cast<std::size_t>(std::countr_zero(places));
      descend<false>(at, 0, std::min(frame_.size() - at, kMaxMatch));
    }
    next_ = stop;
  }
}

void FarMatches::find(std::size_t i, std::size_t least, std::size_t most) {
  if (i + 8 > frame_.size()) return;
  insert_up_to(i);
  const std::size_t first = matches_.size();
  descend<true>(i, std::max(least, kShort - 1), most);
  next_ = i + 1;
  if (matches_.size() != first) places_.push_back({i, first});
}

}  // namespace framedeflate

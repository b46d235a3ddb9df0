// SPDX-License-Identifier: Apache-2.0
// The bits of a DEFLATE stream, least significant first (RFC 1951 3.1.1).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace framedeflate {

[[nodiscard]] inline std::uint64_t load_le64(const std::uint8_t* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, 8);
  if constexpr (std::endian::native == std::endian::big) {
    std::uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i) swapped = swapped << 8 | (word >> (8 * i) & 0xFF);
    word = swapped;
  }
  return word;
}

inline void store_le16(std::uint8_t* to, std::uint16_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big)
    word = static_cast<std::uint16_t>(word << 8 | word >> 8);
  std::memcpy(to, &word, 2);
}

inline void store_le32(std::uint8_t* to, std::uint32_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) {
    for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(word >> (8 * i));
  } else {
    std::memcpy(to, &word, 4);
  }
}

inline void store_le64(std::uint8_t* to, std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<std::uint8_t>(word >> (8 * i));
  } else {
    std::memcpy(to, &word, 8);
  }
}

// Holds at least 56 bits after refill(). Behind the last byte of the input it supplies zero bits without
// reading them from anywhere: a decoder works on as if there were more and asks overrun() before it believes
// what it found. Meant to be copied into a local variable around a loop, so that its members live in
// registers there.
class BitSource {
 public:
  // At least 8 bytes of `data` must be readable, whatever its size: see `readable`.
  struct Input {
    const std::uint8_t* bytes;
    std::size_t nbytes;
    std::size_t readable;  // at least nbytes and 8; zeros beyond nbytes
  };
  explicit BitSource(const Input& input) noexcept
      : base_(input.bytes), last_load_(input.readable - 8), size_(input.nbytes) {}

  // Member by member, as a compiler keeps what is copied as a whole in memory, in the midst of the loop.
  BitSource(const BitSource& other) noexcept
      : base_(other.base_),
        last_load_(other.last_load_),
        size_(other.size_),
        next_(other.next_),
        bits_(other.bits_),
        count_(other.count_) {}
  BitSource& operator=(const BitSource& other) noexcept {
    base_ = other.base_;
    last_load_ = other.last_load_;
    size_ = other.size_;
    next_ = other.next_;
    bits_ = other.bits_;
    count_ = other.count_;
    return *this;
  }
  ~BitSource() = default;

  void refill() noexcept {
    if (next_ <= last_load_) [[likely]] {
      bits_ |= load_le64(base_ + next_) << (count_ & 63);
    } else if (next_ < last_load_ + 8) {
      // The last 8 bytes of the input, moved down so that byte `next_` is the lowest.
      bits_ |= load_le64(base_ + last_load_) >> (8 * (next_ - last_load_)) << (count_ & 63);
    }
    next_ += (63 - count()) >> 3;
    count_ |= 56;
  }

  [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] unsigned count() const noexcept { return count_ & 0xFF; }
  [[nodiscard]] std::uint32_t peek(unsigned n) const noexcept {
    return static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << n) - 1));
  }
  void drop(unsigned n) noexcept {
    bits_ >>= n;
    count_ -= n;
  }
  std::uint32_t take(unsigned n) noexcept {
    const std::uint32_t value = peek(n);
    drop(n);
    return value;
  }

  // The same with the number of bits, below 64, in the lowest 8 bits of an entry of a decoding table: nothing
  // need be masked, as shifts look at 6 bits only.
  void drop_entry(std::uint32_t e) noexcept {
    bits_ >>= e & 63;
    count_ -= e;
  }
  std::uint32_t take_entry(std::uint32_t e) noexcept {
    const auto value = static_cast<std::uint32_t>(bits_ & ~(~std::uint64_t{0} << (e & 63)));
    drop_entry(e);
    return value;
  }

  // Bytes of input up to and with the last bit dropped.
  [[nodiscard]] std::size_t position() const noexcept { return next_ - count() / 8; }
  // False as long as there cannot have been an overrun.
  [[nodiscard]] bool near_end() const noexcept { return next_ > last_load_; }
  // Whether bits were dropped that the input does not have.
  [[nodiscard]] bool overrun() const noexcept { return position() > size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Drops the rest of the current byte.
  void align() noexcept { drop(count_ & 7); }
  [[nodiscard]] const std::uint8_t* at(std::size_t position) const noexcept { return base_ + position; }
  void seek(std::size_t position) noexcept {
    next_ = position;
    bits_ = 0;
    count_ = 0;
  }

 private:
  const std::uint8_t* base_;
  std::size_t last_load_;  // the last position from which 8 bytes may be loaded
  std::size_t size_;       // bytes of the input
  std::size_t next_ = 0;   // the next byte to load; runs past size_ at the end
  std::uint64_t bits_ = 0;
  unsigned count_ = 0;  // only its lowest 8 bits, at most 63, mean anything
};

}  // namespace framedeflate

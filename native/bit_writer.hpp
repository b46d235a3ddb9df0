// SPDX-License-Identifier: Apache-2.0
// DEFLATE's bit order: the first bit written is the least significant of its byte (RFC 1951, 3.1.1).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace framedeflate {

// Collects codes in a 64-bit word and stores whole words: no branch a bit, and one store for several codes. A
// store touches up to 8 bytes from the current place on, so the buffer ends at least 8 bytes after the last
// byte written.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* out) noexcept : start_(out), at_(out) {}

  // Between two flushes at most 56 bits may be put; `bits` has nothing set from `count` on.
  void put(std::uint64_t bits, unsigned count) noexcept {
    word_ |= bits << filled_;
    filled_ += count;
  }

  void flush() noexcept {
    std::uint64_t little = word_;
    if constexpr (std::endian::native == std::endian::big) little = reversed_bytes(little);
    std::memcpy(at_, &little, sizeof little);
    at_ += filled_ >> 3;
    word_ >>= filled_ & ~7U;
    filled_ &= 7U;
  }

  void put_and_flush(std::uint64_t bits, unsigned count) noexcept {
    put(bits, count);
    flush();
  }

  void align_to_byte() noexcept {
    filled_ = (filled_ + 7U) & ~7U;
    flush();
  }

  void copy(const std::uint8_t* from, std::size_t nbytes) noexcept {  // only where aligned to a byte
    std::memcpy(at_, from, nbytes);
    at_ += nbytes;
  }

  // Bits that are in the last, unfinished byte.
  [[nodiscard]] unsigned pending() const noexcept { return filled_; }
  [[nodiscard]] std::size_t nbytes() const noexcept { return static_cast<std::size_t>(at_ - start_); }

 private:
  static std::uint64_t reversed_bytes(std::uint64_t value) noexcept {
    std::uint64_t result = 0;
    for (unsigned i = 0; i < 8; ++i) result = result << 8 | (value >> (8 * i) & 0xFF);
    return result;
  }

  std::uint8_t* start_;
  std::uint8_t* at_;
  std::uint64_t word_ = 0;
  unsigned filled_ = 0;
};

}  // namespace framedeflate

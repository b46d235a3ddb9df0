// SPDX-License-Identifier: Apache-2.0
// What the harnesses share: numbers taken from the front of an input, and buffers that end where they must.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

// Says what does not hold and ends the process, which is how libFuzzer learns of it.
#define HOLDS(condition, what)                                       \
  do {                                                               \
    if (!(condition)) {                                              \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, what); \
      std::abort();                                                  \
    }                                                                \
  } while (false)

// Behind the last byte there are zeros, so that no input is too short for a harness.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t nbytes) : left_(data, nbytes) {}

  unsigned byte() {
    if (left_.empty()) return 0;
    const unsigned value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  unsigned word() {
    const unsigned low = byte();
    return low | byte() << 8;
  }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return left_; }
  [[nodiscard]] bool empty() const { return left_.empty(); }

 private:
  std::span<const std::uint8_t> left_;
};

// A heap block of exactly this size: one byte before or behind it is AddressSanitizer's.
class Exact {
 public:
  explicit Exact(std::size_t nbytes) : bytes_(new std::uint8_t[nbytes]), nbytes_(nbytes) {}
  explicit Exact(std::span<const std::uint8_t> from) : Exact(from.size()) {
    if (!from.empty()) std::memcpy(bytes_.get(), from.data(), from.size());
  }
  Exact(std::size_t nbytes, std::uint8_t value) : Exact(nbytes) { std::fill_n(bytes_.get(), nbytes, value); }

  [[nodiscard]] std::span<std::uint8_t> span() const { return {bytes_.get(), nbytes_}; }
  bool operator==(const Exact& other) const {
    return std::equal(bytes_.get(), bytes_.get() + nbytes_, other.bytes_.get(),
                      other.bytes_.get() + other.nbytes_);
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t nbytes_;
};

// SPDX-License-Identifier: Apache-2.0
// A failed check says where and with which numbers, and ends the program: what follows would be guesswork.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#define CHECK(condition, ...)                                                        \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not so: %s\n  ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                             \
      std::fprintf(stderr, "\n");                                                    \
      std::abort();                                                                  \
    }                                                                                \
  } while (false)

// FNV-1a: what machines compare.
class Digest {
 public:
  void add(std::span<const std::uint8_t> bytes) noexcept {
    for (const std::uint8_t byte : bytes) value_ = (value_ ^ byte) * 0x100000001B3U;
  }
  void add(std::uint64_t number) noexcept {
    for (unsigned i = 0; i < 8; ++i) {
      const auto byte = static_cast<std::uint8_t>(number >> (8 * i));
      add({&byte, 1});
    }
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

// SplitMix64: the same numbers on every machine, which the distributions of <random> do not promise. One a
// statement: in which order the arguments of a call are worked out is the compiler's.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
  }
  // 0 to below - 1.
  std::size_t below(std::size_t limit) noexcept { return static_cast<std::size_t>(next() % limit); }

 private:
  std::uint64_t state_;
};

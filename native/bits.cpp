// SPDX-License-Identifier: Apache-2.0
#include "bits.hpp"

#include <algorithm>
#include <cstring>

#include "bit_source.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t nbytes_of(std::size_t nbits) { return nbits / 8 + (nbits % 8 != 0); }

// Eight bytes to eight bits: whatever is not 0 becomes 1, and the product brings bit 8 * i to bit 56 + i.
constexpr std::uint8_t gather(std::uint64_t pixels) {
  constexpr std::uint64_t kLow7 = 0x7F7F7F7F7F7F7F7F;
  const std::uint64_t ones = (((pixels & kLow7) + kLow7) | pixels) >> 7 & 0x0101010101010101;
  return static_cast<std::uint8_t>((ones * 0x0102040810204080) >> 56);
}

constexpr std::uint8_t low_bits(std::size_t n) { return static_cast<std::uint8_t>((1U << n) - 1); }

}  // namespace

void cut_bits(std::span<const std::uint8_t> source, std::size_t first_bit, std::size_t frame_nbits,
              std::size_t nframes, std::span<std::uint8_t> out) {
  const std::size_t frame_nbytes = nbytes_of(frame_nbits);
  std::uint8_t* to = out.data();
  for (std::size_t f = 0; f < nframes; ++f, first_bit += frame_nbits, to += frame_nbytes) {
    const std::size_t from = first_bit / 8;
    const unsigned shift = first_bit % 8;
    if (shift == 0) {
      std::memcpy(to, source.data() + from, frame_nbytes);
    } else {
      const std::uint8_t* const bytes = source.data() + from;
      const std::size_t there = source.size() - from;
      std::size_t i = 0;
      for (; i + 8 <= frame_nbytes && i + 9 <= there; i += 8) {
        store_le64(to + i, load_le64(bytes + i) >> shift | static_cast<std::uint64_t>(bytes[i + 8])
                                                               << (64 - shift));
      }
      for (; i < frame_nbytes; ++i) {
        const unsigned above = i + 1 < there ? bytes[i + 1] : 0;
        to[i] = static_cast<std::uint8_t>((bytes[i] | above << 8) >> shift);
      }
    }
    if (frame_nbits % 8 != 0) to[frame_nbytes - 1] &= low_bits(frame_nbits % 8);
  }
}

void join_bits(std::span<const std::uint8_t> frames, std::size_t frame_nbits, std::size_t nframes,
               std::size_t first_bit, std::span<std::uint8_t> into) {
  const std::size_t frame_nbytes = nbytes_of(frame_nbits);
  const std::size_t whole = frame_nbits / 8;
  const unsigned rest = frame_nbits % 8;
  const std::uint8_t* from = frames.data();
  for (std::size_t f = 0; f < nframes; ++f, first_bit += frame_nbits, from += frame_nbytes) {
    std::uint8_t* to = into.data() + first_bit / 8;
    const unsigned shift = first_bit % 8;
    // `carry`: bits that are known of the byte at `to`, all above them zero.
    unsigned carry = shift == 0 ? 0 : *to & low_bits(shift);
    std::size_t i = 0;
    if (shift == 0) {
      std::memcpy(to, from, whole);
      i = whole;
    } else {
      for (; i + 8 <= whole; i += 8) {
        const std::uint64_t word = load_le64(from + i);
        store_le64(to + i, carry | word << shift);
        carry = static_cast<unsigned>(word >> (64 - shift));
      }
      for (; i < whole; ++i) {
        carry |= static_cast<unsigned>(from[i]) << shift;
        to[i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
      }
    }
    if (rest != 0) carry |= static_cast<unsigned>(from[i] & low_bits(rest)) << shift;
    // The last bits may reach into one byte or two.
    for (unsigned left = shift + rest; left != 0; left -= std::min(left, 8U), carry >>= 8) {
      to[i++] = static_cast<std::uint8_t>(carry);
    }
  }
}

void pack_bits(std::span<const std::uint8_t> pixels, std::size_t frame_nbits, std::size_t nframes,
               std::span<std::uint8_t> frames) {
  const std::uint8_t* from = pixels.data();
  std::uint8_t* to = frames.data();
  for (std::size_t f = 0; f < nframes; ++f) {
    std::size_t whole = frame_nbits / 8;
    for (; whole >= 8; whole -= 8, from += 64, to += 8) {
      std::uint64_t any = 0;
      for (std::size_t i = 0; i < 8; ++i) any |= load_le64(from + 8 * i);
      if (any == 0) {
        std::memset(to, 0, 8);
      } else {
        for (std::size_t i = 0; i < 8; ++i) to[i] = gather(load_le64(from + 8 * i));
      }
    }
    for (; whole != 0; --whole, from += 8) *to++ = gather(load_le64(from));
    if (const unsigned rest = frame_nbits % 8; rest != 0) {
      unsigned last = 0;
      for (unsigned bit = 0; bit < rest; ++bit) last |= static_cast<unsigned>(*from++ != 0) << bit;
      *to++ = static_cast<std::uint8_t>(last);
    }
  }
}

}  // namespace framedeflate

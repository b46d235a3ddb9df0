// SPDX-License-Identifier: Apache-2.0
// Decodes block after block straight into the Frame's bytes.
//
// Fragments of segmentation frames are a few hundred bytes and nearly all copies. So the bit buffer is
// refilled 8 bytes at a time up to the last byte of the input and a short Fragment never leaves the fast
// loop; tables are no larger than the block's longest code; repeated longest matches become one; and copies
// are as wide as their distance allows.
#include "inflate.hpp"

#include <algorithm>
#include <cstring>

#include "bit_source.hpp"
#include "copy_match.hpp"
#include "decode_table.hpp"

namespace framedeflate {
namespace {

constexpr std::size_t kLongestMatch = 258;
// What one turn of the fast loop may write: four lookups of two literals, a match and the slack of its copy.
constexpr std::size_t kFastRoom = 8 + kLongestMatch + kCopySlack;
// Below this many bytes of input, large tables and pairs of literals cost more to build than they save.
constexpr std::size_t kLongInput = 2048;

constexpr std::uint8_t kLengthCodeOrder[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                               11, 4,  12, 3, 13, 2, 14, 1, 15};

enum class Block : std::uint8_t { ended, bad, too_long };

class Inflater {
 public:
  Inflater(std::span<const std::uint8_t> data, std::span<std::uint8_t> out) noexcept
      : source_(data), begin_(out.data()), out_(begin_), end_(begin_ + out.size()) {}

  Inflated run() noexcept {
    for (;;) {
      source_.refill();
      sure_ = out_;
      const bool final = source_.take(1) != 0;
      const std::uint32_t type = source_.take(2);
      Block block = Block::bad;
      if (type == 0) {
        block = stored_block();
      } else if (type != 3 && (type == 1 ? fixed_tables() : dynamic_tables())) {
        block = coded_block();
      }
      // Bits that the input does not have were read as zeros: nothing that followed from them counts.
      if (source_.overrun()) return {Defect::not_terminated, source_.size(), written(sure_)};
      if (block == Block::bad) return {Defect::bad_data, source_.position(), written(out_)};
      if (block == Block::too_long) return {Defect::excess_output, source_.position(), written(out_)};
      if (final) {
        return {out_ == end_ ? Defect::none : Defect::short_output, source_.position(), written(out_)};
      }
    }
  }

 private:
  [[nodiscard]] std::size_t written(const std::uint8_t* to) const noexcept {
    return static_cast<std::size_t>(to - begin_);
  }
  [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - out_); }

  // RFC 1951 3.2.4.
  Block stored_block() noexcept {
    source_.align();
    source_.refill();
    const std::uint32_t nbytes = source_.take(16);
    if (source_.take(16) != (~nbytes & 0xFFFF)) return Block::bad;
    if (source_.overrun()) return Block::ended;
    const std::size_t position = source_.position();
    const std::size_t there = source_.size() - position;
    const std::size_t n = std::min({std::size_t{nbytes}, there, room()});
    if (n != 0) std::memcpy(out_, source_.at(position), n);
    out_ += n;
    sure_ = out_;
    if (n < nbytes && n < there) {
      source_.seek(position + n);
      return Block::too_long;
    }
    source_.seek(position + nbytes);  // beyond the end where bytes are missing: an overrun
    return Block::ended;
  }

  // RFC 1951 3.2.6.
  bool fixed_tables() noexcept {
    if (have_fixed_) return true;
    std::uint8_t lengths[288 + 32];
    std::memset(lengths, 8, 144);
    std::memset(lengths + 144, 9, 112);
    std::memset(lengths + 256, 7, 24);
    std::memset(lengths + 280, 8, 8);
    std::memset(lengths + 288, 5, 32);
    have_fixed_ = build_literal_table({lengths, 288}, kLiteralTableSmallBits, literals_) &&
                  build_distance_table({lengths + 288, 32}, distances_);
    return have_fixed_;
  }

  // RFC 1951 3.2.7. False for what zlib rejects as well: more than 286 or 30 codes, broken sets of lengths, a
  // repeat without a length before it or beyond the last code, no code for the end of the block.
  bool dynamic_tables() noexcept {
    have_fixed_ = false;
    const std::uint32_t nliterals = source_.take(5) + 257;
    const std::uint32_t ndistances = source_.take(5) + 1;
    const std::uint32_t nlength_codes = source_.take(4) + 4;
    if (nliterals > 286 || ndistances > 30) return false;
    std::uint8_t code_lengths[19] = {};
    for (std::uint32_t i = 0; i < nlength_codes; ++i) {
      if (i % 16 == 0) source_.refill();
      code_lengths[kLengthCodeOrder[i]] = static_cast<std::uint8_t>(source_.take(3));
    }
    LengthCodeTable length_codes;
    if (source_.overrun() || !build_length_code_table(code_lengths, length_codes)) return false;

    std::uint8_t lengths[286 + 30 + 138];
    const std::uint32_t total = nliterals + ndistances;
    for (std::uint32_t n = 0; n < total;) {
      source_.refill();
      const unsigned e = length_codes.entries[source_.peek(7)];
      source_.drop(e & 7);
      const unsigned symbol = e >> 3;
      if (symbol < 16) {
        lengths[n++] = static_cast<std::uint8_t>(symbol);
        continue;
      }
      std::uint32_t repeat;
      std::uint8_t length = 0;
      if (symbol == 16) {
        repeat = 3 + source_.take(2);
        if (n == 0) return false;
        length = lengths[n - 1];
      } else {
        repeat = symbol == 17 ? 3 + source_.take(3) : 11 + source_.take(7);
      }
      if (n + repeat > total) return false;
      std::memset(lengths + n, length, repeat);
      n += repeat;
    }
    if (source_.overrun() || lengths[256] == 0) return false;
    const bool long_input = source_.size() - source_.position() >= kLongInput;
    if (!build_literal_table({lengths, nliterals}, long_input ? kLiteralTableMaxBits : kLiteralTableSmallBits,
                             literals_) ||
        !build_distance_table({lengths + nliterals, ndistances}, distances_)) {
      return false;
    }
    if (long_input) pair_literals(literals_);
    return true;
  }

  // Looks the next bits up, in the second table where need be. Drops nothing but the bits of the first lookup
  // then.
  template <std::size_t kSize>
  std::uint32_t lookup(const DecodeTable<kSize>& table) noexcept {
    std::uint32_t e = table.entries[source_.peek(table.bits)];
    if ((e & (entry::kExceptional | entry::kKindMask)) == (entry::kExceptional | entry::kSecondTable)) {
      source_.drop(entry::drop(e));
      e = table.entries[entry::value(e) + source_.peek(entry::code_bits(e))];
    }
    return e;
  }

  // The base value of a length or distance with its extra bits added, all of them dropped.
  std::uint32_t take_value(std::uint32_t e) noexcept {
    const std::uint32_t all = source_.take(entry::drop(e));
    return entry::value(e) + (all >> entry::code_bits(e));
  }

  void put_literals(std::uint32_t e) noexcept {
    out_[0] = static_cast<std::uint8_t>(e >> 16);
    out_[1] = static_cast<std::uint8_t>(e >> 24);
    out_ += 1 + (e >> 6 & 1);
    source_.drop(entry::drop(e));
  }

  Block coded_block() noexcept {
    while (room() >= kFastRoom) {
      if (source_.overrun()) return Block::ended;
      sure_ = out_;
      source_.refill();
      // 56 bits: four lookups of 11 bits, or a match after three of them and another refill.
      std::uint32_t e = literals_.entries[source_.peek(literals_.bits)];
      if (e & entry::kLiteral) {
        put_literals(e);
        e = literals_.entries[source_.peek(literals_.bits)];
        if (e & entry::kLiteral) {
          put_literals(e);
          e = literals_.entries[source_.peek(literals_.bits)];
          if (e & entry::kLiteral) {
            put_literals(e);
            e = literals_.entries[source_.peek(literals_.bits)];
            if (e & entry::kLiteral) {
              put_literals(e);
              continue;
            }
          }
        }
        source_.refill();
      }
      const std::uint64_t before = source_.bits();
      const unsigned before_count = source_.count();
      if (e & entry::kExceptional) {
        e = lookup(literals_);
        if (e & entry::kLiteral) {
          put_literals(e);
          continue;
        }
        if (e & entry::kExceptional) {
          source_.drop(entry::drop(e));
          return (e & entry::kKindMask) == entry::kEndOfBlock ? Block::ended : Block::bad;
        }
      }
      std::size_t length = take_value(e);
      e = lookup(distances_);
      if (e & entry::kExceptional) {
        source_.drop(entry::drop(e));
        return Block::bad;
      }
      const std::size_t distance = take_value(e);
      if (distance > written(out_)) return Block::bad;
      if (length == kLongestMatch) {
        // A long run is the same few bits again and again: one copy serves all those in the bit buffer.
        const unsigned n = before_count - source_.count();
        const std::uint64_t mask = (std::uint64_t{1} << n) - 1;
        std::size_t left = room() - kCopySlack;
        while (((source_.bits() ^ before) & mask) == 0 && source_.count() >= n &&
               left >= length + kLongestMatch) {
          source_.drop(n);
          length += kLongestMatch;
        }
      }
      copy_match_wide(out_, distance, length);
      out_ += length;
    }
    return coded_block_end();
  }

  // The same, one symbol at a time and never a byte beyond the end.
  Block coded_block_end() noexcept {
    for (;;) {
      if (source_.overrun()) return Block::ended;
      sure_ = out_;
      source_.refill();
      std::uint32_t e = lookup(literals_);
      if (e & entry::kLiteral) {
        source_.drop(entry::code_bits(e));
        if (out_ == end_) return Block::too_long;
        *out_++ = static_cast<std::uint8_t>(e >> 16);
        continue;
      }
      if (e & entry::kExceptional) {
        source_.drop(entry::drop(e));
        return (e & entry::kKindMask) == entry::kEndOfBlock ? Block::ended : Block::bad;
      }
      const std::size_t length = take_value(e);
      e = lookup(distances_);
      if (e & entry::kExceptional) {
        source_.drop(entry::drop(e));
        return Block::bad;
      }
      const std::size_t distance = take_value(e);
      if (distance > written(out_)) return Block::bad;
      const std::size_t n = std::min(length, room());
      copy_match_exact(out_, distance, n);
      out_ += n;
      if (n < length) return Block::too_long;
    }
  }

  BitSource source_;
  std::uint8_t* const begin_;
  std::uint8_t* out_;
  std::uint8_t* const end_;
  std::uint8_t* sure_ = nullptr;  // what was written when the input had last been seen not to be overrun
  bool have_fixed_ = false;
  LiteralTable literals_;
  DistanceTable distances_;
};

}  // namespace

Inflated inflate_exact(std::span<const std::uint8_t> data, std::span<std::uint8_t> out) noexcept {
  return Inflater(data, out).run();
}

}  // namespace framedeflate

// SPDX-License-Identifier: Apache-2.0
// Decodes block after block straight into the Frame's bytes.
//
// Fragments of segmentation frames are a few hundred bytes and nearly all copies. So the bit buffer is
// refilled 8 bytes at a time up to the last byte of the input and a short Fragment never leaves the fast
// loop; tables are no larger than the block's longest code; and repeated longest matches become one. Dense
// ones spend their time in branches guessed wrong: so a lookup yields several symbols, and copies do not ask
// for what cannot be predicted.
#include "inflate.hpp"

#include <algorithm>
#include <cstring>

#include "bit_source.hpp"
#include "decode_table.hpp"
#include "inflate_block.hpp"

namespace framedeflate {
namespace {

// A large table, and one whose entries hold several symbols, cost more to build than they save where the
// input is short.
constexpr std::size_t kJoinedInput = 400;
constexpr std::size_t kMediumInput = 1024;
constexpr std::size_t kLongInput = 4096;

unsigned literal_table_bits(std::size_t nbytes) noexcept {
  return nbytes < kMediumInput ? kLiteralTableSmallBits
         : nbytes < kLongInput ? kLiteralTableSmallBits + 1
                               : kLiteralTableMaxBits;
}

// A code of n bits is for one of 2^n symbols.
CopyHabit copy_habit(std::span<const CodeLength> literals, std::span<const CodeLength> distances) noexcept {
  constexpr std::uint16_t kFirstLength = 257, kFirstAbove34 = 273, kLongest = 285;
  unsigned all = 0, above34 = 0;
  for (std::size_t i = literals.size(); i-- > 0 && literals[i].symbol >= kFirstLength;) {
    const unsigned frequency = literals[i].symbol == kLongest ? 0 : 0x8000U >> literals[i].length;
    all += frequency;
    if (literals[i].symbol >= kFirstAbove34) above34 += frequency;
  }
  const bool runs = !distances.empty() && distances[0].symbol == 0;
  return {.wide = 4 * above34 > all, .mixed = runs && distances.size() > 1 && distances[0].length <= 3};
}

constexpr std::uint8_t kLengthCodeOrder[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                               11, 4,  12, 3, 13, 2, 14, 1, 15};

class Inflater {
 public:
  Inflater(std::span<const std::uint8_t> data, std::span<std::uint8_t> out) noexcept
      : source_(input(data)), output_{out.data(), out.data(), out.data() + out.size(), out.data()} {}
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Inflated run() noexcept {
    for (;;) {
      source_.refill();
      output_.sure = output_.next;
      const bool final = source_.take(1) != 0;
      const std::uint32_t type = source_.take(2);
      Block block = Block::bad;
      if (type == 0) {
        block = stored_block();
      } else if (type != 3 && (type == 1 ? fixed_tables() : dynamic_tables())) {
        block = inflate_coded_block(literals_, distances_, habit_, source_, output_);
      }
      // Bits that the input does not have were read as zeros: nothing that followed from them counts.
      if (source_.overrun())
        return {Defect::not_terminated, source_.size(),
                static_cast<std::size_t>(output_.sure - output_.begin)};
      if (block == Block::bad) return {Defect::bad_data, source_.position(), output_.nbytes()};
      if (block == Block::too_long) return {Defect::excess_output, source_.position(), output_.nbytes()};
      if (final) {
        return {output_.room() == 0 ? Defect::none : Defect::short_output, source_.position(),
                output_.nbytes()};
      }
    }
  }

 private:
  // Too short for a load of 8 bytes: a copy with zeros behind it takes its place.
  BitSource::Input input(std::span<const std::uint8_t> data) noexcept {
    if (data.size() >= sizeof(short_input_)) return {data.data(), data.size(), data.size()};
    std::memset(short_input_, 0, sizeof(short_input_));
    if (!data.empty()) std::memcpy(short_input_, data.data(), data.size());
    return {short_input_, data.size(), sizeof(short_input_)};
  }

  // RFC 1951 3.2.4.
  Block stored_block() noexcept {
    source_.align();
    source_.refill();
    const std::uint32_t nbytes = source_.take(16);
    if (source_.take(16) != (~nbytes & 0xFFFF)) return Block::bad;
    if (source_.overrun()) return Block::ended;
    const std::size_t position = source_.position();
    const std::size_t there = source_.size() - position;
    const std::size_t n = std::min({std::size_t{nbytes}, there, output_.room()});
    if (n != 0) std::memcpy(output_.next, source_.at(position), n);
    output_.next += n;
    output_.sure = output_.next;
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
    CodeLength codes[288 + 32];
    for (std::uint16_t i = 0; i < 288; ++i) {
      codes[i] = {i, static_cast<std::uint16_t>(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)};
    }
    for (std::uint16_t i = 0; i < 32; ++i) codes[288 + i] = {i, 5};
    habit_ = {};
    have_fixed_ = build_literal_table({codes, 288}, kLiteralTableSmallBits, false, literals_) &&
                  build_distance_table({codes + 288, 32}, distances_);
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
    std::uint16_t code_lengths[19] = {};
    for (std::uint32_t i = 0; i < nlength_codes; ++i) {
      if (i % 16 == 0) source_.refill();
      code_lengths[kLengthCodeOrder[i]] = static_cast<std::uint16_t>(source_.take(3));
    }
    CodeLength codes[286 + 30];
    std::size_t ncodes = 0;
    for (std::uint16_t i = 0; i < 19; ++i) {
      if (code_lengths[i] != 0) codes[ncodes++] = {i, code_lengths[i]};
    }
    LengthCodeTable length_codes;
    if (source_.overrun() || !build_length_code_table({codes, ncodes}, length_codes)) return false;

    ncodes = 0;
    std::size_t nused_literals = 0;
    std::uint16_t length = 0;
    bool has_end = false;
    BitSource source = source_;
    const std::uint32_t total = nliterals + ndistances;
    std::uint32_t next = 0;
    const auto add = [&](std::uint32_t index) {
      has_end |= index == 256;
      const bool is_literal = index < nliterals;
      codes[ncodes++] = {static_cast<std::uint16_t>(is_literal ? index : index - nliterals), length};
      nused_literals += is_literal;
    };
    while (next < total) {
      source.refill();
      const unsigned e = length_codes.entries[source.peek(7)];
      source.drop(e & 7);
      const unsigned symbol = e >> 3;
      if (symbol < 16) {
        length = static_cast<std::uint16_t>(symbol);
        if (length != 0) add(next);
        ++next;
        continue;
      }
      std::uint32_t repeat;
      bool good = true;
      if (symbol == 16) {
        repeat = 3 + source.take(2);
        good = next != 0;
      } else {
        repeat = symbol == 17 ? 3 + source.take(3) : 11 + source.take(7);
        length = 0;
      }
      if (!good || next + repeat > total) {
        source_ = source;
        return false;
      }
      if (length != 0) {
        for (std::uint32_t i = 0; i < repeat; ++i) add(next + i);
      }
      next += repeat;
    }
    source_ = source;
    if (source_.overrun() || !has_end) return false;
    const std::span<const CodeLength> used(codes, ncodes);
    habit_ = copy_habit(used.first(nused_literals), used.subspan(nused_literals));
    const std::size_t rest = source_.size() - source_.position();
    return build_literal_table(used.first(nused_literals), literal_table_bits(rest), rest >= kJoinedInput,
                               literals_) &&
           build_distance_table(used.subspan(nused_literals), distances_);
  }

  std::uint8_t short_input_[8];
  BitSource source_;
  Output output_;
  bool have_fixed_ = false;
  LiteralTable literals_;
  DistanceTable distances_;
  CopyHabit habit_;
};

}  // namespace

Inflated inflate_exact(std::span<const std::uint8_t> data, std::span<std::uint8_t> out) noexcept {
  return Inflater(data, out).run();
}

}  // namespace framedeflate

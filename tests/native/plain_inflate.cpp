// SPDX-License-Identifier: Apache-2.0
#include "plain_inflate.hpp"

#include <array>
#include <vector>

namespace {

using End = PlainInflated::End;

struct Stop {
  End end;
};

class Bits {
 public:
  explicit Bits(std::span<const std::uint8_t> data) : data_(data) {}
  unsigned bit() {
    if (at_ / 8 == data_.size()) throw Stop{End::missing};
    const unsigned value = data_[at_ / 8] >> (at_ % 8) & 1;
    ++at_;
    return value;
  }
  unsigned number(unsigned nbits) {
    unsigned value = 0;
    for (unsigned i = 0; i < nbits; ++i) value |= bit() << i;
    return value;
  }
  void align() { at_ = (at_ + 7) / 8 * 8; }
  [[nodiscard]] std::size_t nbytes() const { return (at_ + 7) / 8; }

 private:
  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
};

// RFC 1951 3.2.2, counting codes from the shortest on. Which sets of lengths are let through is zlib's rule:
// none over-subscribed, none incomplete but a lone code of one bit, or no code at all.
class Code {
 public:
  explicit Code(const std::vector<unsigned>& lengths) {
    for (unsigned symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != 0) symbols_[lengths[symbol]].push_back(symbol);
    }
    int unused = 1;
    unsigned longest = 0;
    for (unsigned n = 1; n <= 15; ++n) {
      unused = 2 * unused - static_cast<int>(symbols_[n].size());
      if (unused < 0) throw Stop{End::bad};
      if (!symbols_[n].empty()) longest = n;
    }
    is_complete = unused == 0;
    is_empty = longest == 0;
    if (!is_complete && longest > 1) throw Stop{End::bad};
  }
  unsigned symbol(Bits& bits) const {
    unsigned code = 0, first = 0;
    for (unsigned n = 1; n <= 15; ++n) {
      code |= bits.bit();
      const auto count = static_cast<unsigned>(symbols_[n].size());
      if (code - first < count) return symbols_[n][code - first];
      // An incomplete code has one bit at most: what is not it is an error at once.
      if (!is_complete) throw Stop{End::bad};
      first = (first + count) << 1;
      code <<= 1;
    }
    throw Stop{End::bad};
  }
  bool is_complete, is_empty;

 private:
  std::array<std::vector<unsigned>, 16> symbols_;  // by the length of their codes, in order
};

class Inflating {
 public:
  Inflating(std::span<const std::uint8_t> data, std::size_t most, PlainInflated& result)
      : bits_(data), most_(most), result_(result) {}

  void run() {
    bool final = false;
    while (!final) {
      final = bits_.bit() != 0;
      switch (bits_.number(2)) {
        case 0:
          stored();
          break;
        case 1:
          fixed();
          break;
        case 2:
          dynamic();
          break;
        default:
          throw Stop{End::bad};
      }
    }
  }
  [[nodiscard]] std::size_t consumed() const { return bits_.nbytes(); }

 private:
  void put(unsigned byte) {
    if (result_.bytes.size() == most_) throw Stop{End::full};
    result_.bytes.push_back(static_cast<std::uint8_t>(byte));
  }

  void stored() {
    bits_.align();
    const unsigned nbytes = bits_.number(16);
    if (bits_.number(16) != (nbytes ^ 0xFFFF)) throw Stop{End::bad};
    for (unsigned i = 0; i < nbytes; ++i) put(bits_.number(8));
  }

  void fixed() {
    std::vector<unsigned> lengths(288, 8);
    for (unsigned i = 144; i < 256; ++i) lengths[i] = 9;
    for (unsigned i = 256; i < 280; ++i) lengths[i] = 7;
    symbols(Code(lengths), Code(std::vector<unsigned>(32, 5)));
  }

  void dynamic() {
    constexpr std::array<unsigned, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
    const unsigned nliterals = bits_.number(5) + 257, ndistances = bits_.number(5) + 1;
    const unsigned nlength_codes = bits_.number(4) + 4;
    if (nliterals > 286 || ndistances > 30) throw Stop{End::bad};
    std::vector<unsigned> code_lengths(19, 0);
    for (unsigned i = 0; i < nlength_codes; ++i) code_lengths[kOrder[i]] = bits_.number(3);
    const Code code(code_lengths);
    if (!code.is_complete) throw Stop{End::bad};
    std::vector<unsigned> lengths;
    while (lengths.size() < nliterals + ndistances) {
      const unsigned symbol = code.symbol(bits_);
      if (symbol < 16) {
        lengths.push_back(symbol);
        continue;
      }
      if (symbol == 16 && lengths.empty()) throw Stop{End::bad};
      const unsigned repeat = symbol == 16   ? 3 + bits_.number(2)
                              : symbol == 17 ? 3 + bits_.number(3)
                                             : 11 + bits_.number(7);
      lengths.insert(lengths.end(), repeat, symbol == 16 ? lengths.back() : 0);
      if (lengths.size() > nliterals + ndistances) throw Stop{End::bad};
    }
    if (lengths[256] == 0) throw Stop{End::bad};
    const auto middle = lengths.begin() + nliterals;
    symbols(Code({lengths.begin(), middle}), Code({middle, lengths.end()}));
  }

  void symbols(const Code& literals, const Code& distances) {
    for (;;) {
      const unsigned symbol = literals.symbol(bits_);
      if (symbol < 256) {
        put(symbol);
        continue;
      }
      if (symbol == 256) return;
      if (symbol > 285) throw Stop{End::bad};
      // RFC 1951 3.2.5: the tables worked out: four symbols, or two, share a number of extra bits.
      unsigned length = 258;
      if (symbol < 265) {
        length = symbol - 254;
      } else if (symbol < 285) {
        const unsigned extra = (symbol - 261) / 4;
        length = ((4 + (symbol - 265) % 4) << extra) + 3 + bits_.number(extra);
      }
      const unsigned code = distances.symbol(bits_);
      if (code > 29) throw Stop{End::bad};
      unsigned distance = code + 1;
      if (code > 3) {
        const unsigned extra = (code - 2) / 2;
        distance = ((2 + code % 2) << extra) + 1 + bits_.number(extra);
      }
      if (distance > result_.bytes.size()) throw Stop{End::bad};
      for (unsigned i = 0; i < length; ++i) put(result_.bytes[result_.bytes.size() - distance]);
    }
  }

  Bits bits_;
  std::size_t most_;
  PlainInflated& result_;
};

}  // namespace

PlainInflated plain_inflate(std::span<const std::uint8_t> data, std::size_t most) {
  PlainInflated result{End::whole, 0, {}};
  Inflating inflating(data, most, result);
  try {
    inflating.run();
  } catch (const Stop& stop) {
    result.end = stop.end;
  }
  result.consumed = inflating.consumed();
  return result;
}

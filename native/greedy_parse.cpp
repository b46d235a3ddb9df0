// SPDX-License-Identifier: Apache-2.0
// What limits a dense frame is the chain from one match's end to the next one's start, some twenty cycles
// that nothing else depends on. So a dense stretch is cut in two at a byte that no match can cover, and both
// parts are parsed in one loop, a match of one and a match of the other in turn: the same items in two thirds
// of the time. Nothing else in the loop waits, and nothing branches on the data but what is rare.
#include "greedy_parse.hpp"

#include <algorithm>
#include <bit>

#include "equality_map.hpp"

// The parse of two parts in turn gains nothing unless both are in registers.
#if defined(_MSC_VER)
#define FRAMEDEFLATE_INLINE __forceinline
#else
#define FRAMEDEFLATE_INLINE [[gnu::always_inline]] inline
#endif

namespace framedeflate {
namespace {

constexpr std::size_t kBlockItems = 1 << 16;  // a block ends where it has as many
constexpr std::size_t kPairBytes = 1 << 16;   // are parsed as two parts at most
constexpr std::size_t kLeastProbed = 4096;
constexpr std::size_t kSlack = 128;        // items that may be written behind the last
constexpr std::size_t kCopied = 32;        // literals are copied so many at a time
constexpr std::size_t kRun = 0, kRow = 1;  // of match_item

// Where a parse stands: literals from `literals_from` to `i` are not written yet.
struct Cursor {
  std::size_t i, literals_from;
  Item* out;
};

// The bytes [from, to) as items; many at a time where the frame goes on.
Item* add_literals(std::span<const std::uint8_t> frame, std::size_t from, std::size_t to, Item* items) {
  const std::uint8_t* at = frame.data() + from;
  Item* const end = items + (to - from);
  if (to + kCopied <= frame.size()) {
    do {
      for (std::size_t k = 0; k < kCopied; ++k) items[k] = at[k];
      at += kCopied;
      items += kCopied;
    } while (items < end);
  } else {
    while (items < end) *items++ = *at++;
  }
  return end;
}

// A match of `length` at the distance of map `kind`, in as few pieces as can be. A piece that a run covers is
// written as one, which saves the extra bits of the row's distance; the short piece is put where that holds.
// Label maps, which have the longest matches of rows, lose 6 to 11 % by this.
Cursor add_pieces(ParseMaps maps, std::size_t kind, std::size_t length, std::size_t room, Cursor cursor) {
  while (length >= kMinMatch && room > 0) {
    const std::size_t most = std::min(length, kMaxMatch), rest = length % kMaxMatch;
    std::size_t piece = most, piece_kind = kRun;
    if (kind != kRun) {
      const std::size_t run = run_length(maps.run, cursor.i, most);
      if (run < most) {
        if (rest >= kMinMatch && run >= rest) {
          piece = rest;
        } else {
          piece_kind = kind;
        }
      }
    } else if (length >= 2 * kMaxMatch) {
      // All but the last at once.
      const std::size_t repeats = std::min(length / kMaxMatch, room);
      cursor.out = std::fill_n(cursor.out, repeats, match_item(kRun, kMaxMatch));
      cursor.i += repeats * kMaxMatch;
      length -= repeats * kMaxMatch;
      room -= repeats;
      continue;
    }
    *cursor.out++ = match_item(piece_kind, piece);
    cursor.i += piece;
    length -= piece;
    --room;
  }
  return {cursor.i, cursor.i, cursor.out};
}

template <Matches kMatches>
struct Parser {
  // A row match of three bytes seldom beats them as literals, so four is the least (0.1 to 0.6 % smaller, and
  // quicker than an estimate of the three).
  static constexpr std::size_t kMinRow = kMatches == Matches::all ? 4 : 8;
  static constexpr std::size_t kMinRun = kMatches == Matches::all ? 3 : 9;

  std::span<const std::uint8_t> frame;
  ParseMaps maps;

  // A match at `i` that reaches beyond the window, or one that begins with the byte behind and reaches
  // further. `room` bounds its pieces.
  [[nodiscard]] Cursor long_match(std::size_t stop, std::size_t room, std::size_t i,
                                  const Cursor& cursor) const {
    const std::size_t most = stop - i - 1;
    const auto reach = [&](const std::uint64_t* map) { return 1 + run_length(map, i + 1, most); };
    const auto later = [&](const std::uint64_t* map) { return ~(map[i >> 6] >> (i & 63)) & 1; };
    std::size_t kind = kRun, longest = reach(maps.run), wait = later(maps.run);
    const auto compare = [&](const std::uint64_t* map, std::size_t its_kind) {
      const std::size_t length = longest == stop - i ? 0 : reach(map);
      if (length <= longest) return;
      longest = length;
      kind = its_kind;
      wait = later(map);
    };
    compare(maps.row, kRow);
    Item* const out = add_literals(frame, cursor.literals_from, i + wait, cursor.out);
    return add_pieces(maps, kind, longest - wait, room, {i + wait, i + wait, out});
  }

  static std::uint64_t row_starts(std::uint64_t row) {
    const std::uint64_t pairs = row & row >> 1, fours = pairs & pairs >> 2;
    return kMatches == Matches::all ? fours : fours & fours >> 4;
  }
  static std::uint64_t run_starts(std::uint64_t run) {
    const std::uint64_t threes = run & run >> 1 & run >> 2;
    return kMatches == Matches::all ? threes : threes & threes >> 3 & threes >> 6;
  }

  // The next match of the frame's bytes up to `stop`, or a window without one.
  FRAMEDEFLATE_INLINE Cursor step(std::size_t stop, std::size_t room, const Cursor& cursor) const {
    constexpr std::uint64_t kEnd = std::uint64_t{1} << 63;  // not in the window, so that a count has an end
    std::size_t i = cursor.i;
    std::uint64_t run = map_window(maps.run, i), row = map_window(maps.row, i);
    const std::uint64_t starts = run_starts(run) | row_starts(row);
    if (starts == 0) return {i + kMapWindow - std::max(kMinRun, kMinRow), cursor.literals_from, cursor.out};
    const auto skip = static_cast<unsigned>(std::countr_zero(starts));
    i += skip;
    if (i >= stop) return {stop, cursor.literals_from, cursor.out};
    run >>= skip;
    row >>= skip;
    // How far each reaches. A run that begins with the next byte only and reaches as far as the row is waited
    // for, being cheaper by the extra bits of the row's distance. One that is too short to be a match cannot
    // win: the row is longer then.
    const auto run_reach = static_cast<std::size_t>(std::countr_zero(~(run | 1) | kEnd));
    const auto row_reach = static_cast<std::size_t>(std::countr_zero(~row | kEnd));
    const std::size_t reach = std::max(run_reach, row_reach);
    if (reach + skip >= kMapWindow) return long_match(stop, room, i, cursor);
    const std::size_t use_row = row_reach > run_reach, wait = ~run & ~use_row & 1;
    Item* const match = add_literals(frame, cursor.literals_from, i + wait, cursor.out);
    *match = match_item(use_row, reach - wait);
    return {i + reach, i + reach, match + 1};
  }

  // All of the frame's bytes up to `stop`, or as much of them as there is room for.
  [[nodiscard]] Cursor parse(std::size_t stop, const Item* full, Cursor cursor) const {
    const auto room = [&] {
      return full - cursor.out - static_cast<std::ptrdiff_t>(cursor.i - cursor.literals_from);
    };
    while (cursor.i + kMinMatch <= stop && room() > 0) {
      cursor = step(stop, static_cast<std::size_t>(room()) + 1, cursor);
    }
    if (cursor.i + kMinMatch > stop) cursor.i = stop;
    // Where `frame` is the first part of a larger one, its maps go on behind it, and the last match may, too.
    if (cursor.literals_from < cursor.i)
      cursor.out = add_literals(frame, cursor.literals_from, cursor.i, cursor.out);
    return cursor;
  }

  // The items of [from, to) as two parts.
  Item* parse_pair(std::size_t from, std::size_t cut, std::size_t to, Item* items) const {
    Item* const second_items = items + (cut - from) + kSlack;
    Item* const full = second_items + (to - cut);  // not reached: there are no more items than bytes
    Cursor first{from, from, items}, second{cut, cut, second_items};
    while (first.i + kMinMatch <= cut && second.i + kMinMatch <= to) {
      first = step(cut, kPairBytes, first);
      second = step(to, kPairBytes, second);
    }
    first = parse(cut, full, first);
    second = parse(to, full, second);
    return std::copy(second_items, second.out, first.out);
  }

  // A byte at `from` or soon after that no match covers, so that every parse has it as a literal; `none`
  // where there is no such byte before `none`.
  [[nodiscard]] std::size_t certain_literal(std::size_t from, std::size_t none) const {
    for (std::size_t tried = 0; tried < 64 && from + kMapWindow <= none; ++tried, from += kMapWindow) {
      const std::uint64_t matched = map_window(maps.run, from) | map_window(maps.row, from);
      const auto place = static_cast<std::size_t>(std::countr_one(matched));
      if (place < kMapWindow) return from + place;
    }
    return none;
  }

  // Whether two parts are worth it: not where a run is longer than a window most of the time.
  [[nodiscard]] bool is_dense(std::size_t from, std::size_t to) const {
    if (to - from < 1024) return false;
    std::size_t nwords = 0, nlong = 0;
    // Not every eighth word, which would be the same column of every row.
    for (std::size_t word = from / 64 + 1; word < to / 64; word += 7) {
      ++nwords;
      nlong += ~maps.run[word] == 0;
    }
    return 4 * nlong < 3 * nwords;
  }

  // Parses [from, to), or up to a literal soon before `to`, as two parts if it is dense; else does nothing.
  [[nodiscard]] Cursor parse_dense(std::size_t from, std::size_t to, Item* items) const {
    const Cursor unchanged{from, from, items};
    if (to != frame.size()) {
      const std::size_t most = to;
      to = certain_literal(most - (most - from) / 16, most);
      if (to == most) return unchanged;
    }
    if (!is_dense(from, to)) return unchanged;
    const std::size_t cut = certain_literal(from + (to - from) / 2, to);
    return cut == to ? unchanged : Cursor{to, to, parse_pair(from, cut, to, items)};
  }

  [[nodiscard]] ItemBlock parse_block(std::size_t start, std::size_t nitems, std::span<Item> items) const {
    const std::size_t size = frame.size();
    const Item* const full = items.data() + kBlockItems;
    Cursor cursor{start, start, items.data() + nitems};
    while (cursor.i < size && cursor.out < full) {
      const Cursor done = parse_dense(cursor.i, std::min(size, cursor.i + kPairBytes), cursor.out);
      if (done.i == cursor.i) break;
      cursor = done;
    }
    cursor = parse(size, full, cursor);
    return {cursor.i, static_cast<std::size_t>(cursor.out - items.data())};
  }
};

}  // namespace

std::size_t item_room(std::size_t nbytes) noexcept {
  return std::min(nbytes, kBlockItems + kPairBytes) + 2 * kSlack;
}

ItemBlock parse_probe(std::span<const std::uint8_t> frame, std::size_t start, const ParseMaps& maps,
                      std::span<Item> items) noexcept {
  const std::size_t left = frame.size() - start;
  if (left < kLeastProbed) return {start, 0};
  const std::size_t to = start + std::min(left, kPairBytes) / 4;
  const Cursor done = Parser<Matches::all>{frame, maps}.parse_dense(start, to, items.data());
  return {done.i, static_cast<std::size_t>(done.out - items.data())};
}

ItemBlock parse_block(std::span<const std::uint8_t> frame, std::size_t start, const ParseMaps& maps,
                      Matches matches, std::size_t nitems, std::span<Item> items) noexcept {
  return matches == Matches::all ? Parser<Matches::all>{frame, maps}.parse_block(start, nitems, items)
                                 : Parser<Matches::long_ones>{frame, maps}.parse_block(start, nitems, items);
}

}  // namespace framedeflate

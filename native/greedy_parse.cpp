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
constexpr std::size_t kSlack = 128;           // items that may be written behind the last
constexpr std::size_t kCopied = 32;           // literals are copied so many at a time

struct Maps {
  const std::uint64_t* run;
  const std::uint64_t* row;
};

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

// A match that begins at `i`, where `later` says that a run begins with the byte behind, and that reaches
// beyond the window. `room` bounds the items of its longest matches.
Cursor long_match(std::span<const std::uint8_t> frame, Maps maps, std::size_t stop, std::size_t room,
                  std::size_t i, std::size_t later, const Cursor& cursor) {
  const std::size_t run_reach = later + run_length(maps.run, i + later, stop - i - later);
  const std::size_t row_reach = run_reach == stop - i ? 0 : run_length(maps.row, i, stop - i);
  const bool use_row = row_reach > run_reach;
  const std::size_t wait = use_row ? 0 : later;
  const std::size_t length = std::max(run_reach, row_reach) - wait;
  i += wait;
  Item* out = add_literals(frame, cursor.literals_from, i, cursor.out);
  // No more of them than there is room for, and nothing left that is too short for a match.
  const std::size_t repeats = std::min(length / kMaxMatch, room);
  const std::size_t rest = length - repeats * kMaxMatch;
  out = std::fill_n(out, repeats, match_item(use_row, kMaxMatch));
  i += repeats * kMaxMatch;
  if (rest >= kMinMatch && repeats < room) {
    *out++ = match_item(use_row, rest);
    i += rest;
  }
  return {i, i, out};
}

// The next match of the frame's bytes up to `stop`, or a window without one. A row match of three bytes
// seldom beats them as literals, so four is the least (0.1 to 0.6 % smaller, and quicker than an estimate of
// the three).
FRAMEDEFLATE_INLINE Cursor step(std::span<const std::uint8_t> frame, Maps maps, std::size_t stop,
                                std::size_t room, const Cursor& cursor) {
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 63;  // not in the window, so that a count has an end
  std::size_t i = cursor.i;
  std::uint64_t run = map_window(maps.run, i), row = map_window(maps.row, i);
  const std::uint64_t row_pairs = row & row >> 1;
  const std::uint64_t starts = (run & run >> 1 & run >> 2) | (row_pairs & row_pairs >> 2);
  if (starts == 0) return {i + kMapWindow - 3, cursor.literals_from, cursor.out};
  const auto skip = static_cast<unsigned>(std::countr_zero(starts));
  i += skip;
  if (i >= stop) return {stop, cursor.literals_from, cursor.out};
  run >>= skip;
  row >>= skip;
  // How far either reaches. A run that begins with the next byte only and reaches as far as the row is waited
  // for, being cheaper by the extra bits of the row's distance. One of less than three is never as long as
  // the row, of which there are four then.
  const auto run_reach = static_cast<std::size_t>(std::countr_zero(~(run | 1) | kEnd));
  const auto row_reach = static_cast<std::size_t>(std::countr_zero(~row | kEnd));
  const std::size_t reach = std::max(run_reach, row_reach), later = ~run & 1;
  if (reach + skip >= kMapWindow) return long_match(frame, maps, stop, room, i, later, cursor);
  const std::size_t use_row = row_reach > run_reach;
  const std::size_t wait = later & ~use_row;
  Item* const match = add_literals(frame, cursor.literals_from, i + wait, cursor.out);
  *match = match_item(use_row, reach - wait);
  return {i + reach, i + reach, match + 1};
}

// All of the frame's bytes up to `stop`, or as much of them as there is room for.
Cursor parse(std::span<const std::uint8_t> frame, Maps maps, std::size_t stop, const Item* full,
             Cursor cursor) {
  const auto room = [&] {
    return full - cursor.out - static_cast<std::ptrdiff_t>(cursor.i - cursor.literals_from);
  };
  while (cursor.i + kMinMatch <= stop && room() > 0) {
    cursor = step(frame, maps, stop, static_cast<std::size_t>(room()) + 1, cursor);
  }
  if (cursor.i + kMinMatch > stop) cursor.i = stop;
  // Where `frame` is the first part of a larger one, its maps go on behind it, and the last match may, too.
  if (cursor.literals_from < cursor.i)
    cursor.out = add_literals(frame, cursor.literals_from, cursor.i, cursor.out);
  return cursor;
}

// A byte at `from` or soon after that no match covers, so that every parse has it as a literal; `none` where
// there is no such byte before `none`.
std::size_t certain_literal(Maps maps, std::size_t from, std::size_t none) {
  for (std::size_t tried = 0; tried < 64 && from + kMapWindow <= none; ++tried, from += kMapWindow) {
    const std::uint64_t matched = map_window(maps.run, from) | map_window(maps.row, from);
    const auto place = static_cast<std::size_t>(std::countr_one(matched));
    if (place < kMapWindow) return from + place;
  }
  return none;
}

// Whether two parts are worth it: not where a run is longer than a window most of the time.
bool is_dense(Maps maps, std::size_t from, std::size_t to) {
  if (to - from < 2048) return false;
  std::size_t nwords = 0, nlong = 0;
  // Not every eighth word, which would be the same column of every row.
  for (std::size_t word = from / 64 + 1; word < to / 64; word += 7) {
    ++nwords;
    nlong += ~maps.run[word] == 0;
  }
  return 4 * nlong < 3 * nwords;
}

// The items of [from, to) as two parts.
Item* parse_pair(std::span<const std::uint8_t> frame, Maps maps, std::size_t from, std::size_t cut,
                 std::size_t to, Item* items) {
  Item* const second_items = items + (cut - from) + kSlack;
  Item* const full = second_items + (to - cut);  // not reached: there are no more items than bytes
  Cursor first{from, from, items}, second{cut, cut, second_items};
  while (first.i + kMinMatch <= cut && second.i + kMinMatch <= to) {
    first = step(frame, maps, cut, kPairBytes, first);
    second = step(frame, maps, to, kPairBytes, second);
  }
  first = parse(frame, maps, cut, full, first);
  second = parse(frame, maps, to, full, second);
  return std::copy(second_items, second.out, first.out);
}

}  // namespace

std::size_t item_room(std::size_t nbytes) noexcept {
  return std::min(nbytes, kBlockItems + kPairBytes) + 2 * kSlack;
}

ItemBlock parse_block(std::span<const std::uint8_t> frame, std::size_t start, const std::uint64_t* run_map,
                      const std::uint64_t* row_map, std::span<Item> items) noexcept {
  const Maps maps{run_map, row_map};
  const std::size_t size = frame.size();
  Item* const full = items.data() + kBlockItems;
  Cursor cursor{start, start, items.data()};
  while (cursor.i < size && cursor.out < full) {
    const std::size_t from = cursor.i;
    const std::size_t to =
        size - from <= kPairBytes ? size : certain_literal(maps, from + kPairBytes - 4096, from + kPairBytes);
    if (!is_dense(maps, from, to)) break;
    const std::size_t cut = certain_literal(maps, from + (to - from) / 2, to);
    if (cut == to || (to != size && to == from + kPairBytes)) break;
    cursor = {to, to, parse_pair(frame, maps, from, cut, to, cursor.out)};
  }
  cursor = parse(frame, maps, size, full, cursor);
  return {cursor.i, static_cast<std::size_t>(cursor.out - items.data())};
}

}  // namespace framedeflate

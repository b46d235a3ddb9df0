// SPDX-License-Identifier: Apache-2.0
// Any bytes as the Items of a sequence: no more values than Items, no more Items than allowed, and the same
// ones in windows as in one.
//
// Input: flags (1 byte), size of the windows (1), the Items.
#include "input.hpp"
#include "item_values.hpp"

using framedeflate::ItemPath;
using framedeflate::ItemValues;
using framedeflate::ItemWindow;

namespace {

constexpr ItemPath kPaths[] = {{0x0062000A, 0x0062000B, 2},
                               {0x00209113, 0x00200032, 1},
                               {0x0062000A, 0x00620006, 4},
                               {0, 0x00620004, 2}};
constexpr std::size_t kNpaths = std::size(kPaths);

ItemValues read(std::span<const std::uint8_t> bytes, unsigned flags, bool last, std::size_t max_items) {
  const Exact exact(bytes);
  const ItemWindow window{exact.span(), (flags & 4) != 0, last, {(flags & 1) != 0, (flags & 2) != 0}};
  ItemValues found = framedeflate::read_item_values(window, kPaths, max_items);
  HOLDS(found.nbytes.size() % kNpaths == 0 && found.nbytes.size() / kNpaths <= max_items, "too many Items");
  HOLDS(found.nbytes.size() / kNpaths <= bytes.size() / 8, "more Items than headers fit");
  HOLDS(found.resume <= bytes.size(), "goes on behind the window");
  std::size_t total = 0;
  for (const std::int16_t nbytes : found.nbytes) {
    HOLDS(nbytes >= -1 && nbytes <= static_cast<std::int16_t>(framedeflate::kMaxValueNbytes),
          "a size that cannot be");
    total += nbytes > 0 ? static_cast<std::size_t>(nbytes) : 0;
  }
  HOLDS(total == found.values.size() && total <= bytes.size(), "values that are not there");
  const bool failed = found.status != ItemValues::Status::done && found.status != ItemValues::Status::more;
  HOLDS(failed == (found.defect_position >= 0), "a defect without a place, or a place without one");
  HOLDS(found.defect_position <= static_cast<std::int64_t>(bytes.size()), "a defect behind the window");
  HOLDS(!last || found.status != ItemValues::Status::more, "asks for more than there is");
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const unsigned flags = input.byte();
  const std::size_t least = 8 + input.byte();
  const std::span<const std::uint8_t> all = input.rest();
  const std::size_t max_items = flags & 8 ? 3 : 1000;
  const ItemValues whole = read(all, flags, true, max_items);

  std::size_t at = 0;
  std::size_t piece = least;
  ItemValues pieces;
  while (true) {
    const std::size_t there = std::min(piece, all.size() - at);
    const std::size_t count = pieces.nbytes.size() / kNpaths;
    const ItemValues part = read(all.subspan(at, there), flags, at + there == all.size(), max_items - count);
    pieces.values.insert(pieces.values.end(), part.values.begin(), part.values.end());
    pieces.nbytes.insert(pieces.nbytes.end(), part.nbytes.begin(), part.nbytes.end());
    pieces.status = part.status;
    pieces.defect_position =
        part.defect_position < 0 ? -1 : part.defect_position + static_cast<std::int64_t>(at);
    at += static_cast<std::size_t>(part.resume);
    if (part.status != ItemValues::Status::more) break;
    // An Item that the window does not hold whole needs a larger one.
    piece = part.resume == 0 ? 2 * piece : least;
  }
  HOLDS(
      pieces.status == whole.status && pieces.defect_position == whole.defect_position && at == whole.resume,
      "windows end elsewhere than the whole");
  HOLDS(pieces.nbytes == whole.nbytes && pieces.values == whole.values, "windows hold something else");
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The Items in any window: places that are sane, and the same ones in two windows as in one.
//
// Input: start (1 byte), where the second window begins (2), the window.
#include "element_scan.hpp"
#include "input.hpp"

using framedeflate::ItemScan;

namespace {

ItemScan scanned(std::span<const std::uint8_t> window, std::uint64_t start) {
  const Exact exact(window);
  ItemScan scan = framedeflate::scan_items(exact.span(), start);
  HOLDS(scan.value_positions.size() == scan.value_nbytes.size(), "places and lengths differ in number");
  HOLDS(scan.value_positions.size() <= window.size() / 8, "more Items than headers fit");
  // Each Item begins where the one before ends, and its header lies in the window.
  std::uint64_t at = start;
  for (std::size_t i = 0; i < scan.value_positions.size(); ++i) {
    HOLDS(scan.value_positions[i] == at + 8, "an Item is not behind the one before");
    HOLDS(scan.value_positions[i] <= window.size(), "a header beyond the window");
    HOLDS(scan.value_nbytes[i] < 0xFFFFFFFF, "an undefined length");
    at = scan.value_positions[i] + scan.value_nbytes[i];
  }
  HOLDS(scan.resume == at + (scan.status == ItemScan::Status::delimited ? 8 : 0), "goes on elsewhere");
  if (scan.status == ItemScan::Status::more)
    HOLDS(at > window.size() || window.size() - at < 8, "stops before the window ends");
  return scan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const std::uint64_t start = input.byte();
  const std::size_t cut = input.word();
  const std::span<const std::uint8_t> window = input.rest();
  const ItemScan whole = scanned(window, start);

  // The same in two: what lies before `cut`, then from where that stopped.
  const ItemScan first = scanned(window.first(std::min(cut, window.size())), start);
  std::size_t nitems = first.value_positions.size();
  std::uint64_t resume = first.resume;
  ItemScan::Status status = first.status;
  if (status == ItemScan::Status::more && resume <= window.size()) {
    const ItemScan second = scanned(window.subspan(static_cast<std::size_t>(resume)), 0);
    nitems += second.value_positions.size();
    resume += second.resume;
    status = second.status;
  }
  HOLDS(status == whole.status && resume == whole.resume && nitems == whole.value_positions.size(),
        "two windows hold something else than one");
  return 0;
}

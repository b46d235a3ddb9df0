// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Data Set: the walk ends, its places are sane, and it is the same walk whether the bytes come
// in one window or in many, from whatever position on.
//
// Input: flags (1 byte), size of the small windows (1), the Data Set.
#include "element_scan.hpp"
#include "input.hpp"

using framedeflate::ElementRecord;
using framedeflate::ElementScan;

namespace {

constexpr std::uint64_t kHighStart = std::uint64_t{5} << 32;  // beyond what 32 bits hold

ElementScan::Options options(unsigned flags, std::size_t nbytes) {
  const std::uint64_t start = flags & 8 ? kHighStart : 0;
  // The Data Set may be said to be longer than what is there, or shorter.
  const std::uint64_t stop = start + (flags & 16 ? 2 * nbytes + 100 : flags & 32 ? nbytes / 2 : nbytes);
  return {start,
          stop,
          (flags & 1) != 0,
          (flags & 2) != 0,
          (flags & 4) != 0,
          {0x00020010, 0x00080016, 0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x7FE00001, 0x7FE00002,
           0x7FE00010}};
}

void require_sane(const ElementScan& scan, const ElementScan::Options& given, std::size_t nbytes) {
  const bool failed = scan.status() == ElementScan::Status::bad_structure ||
                      scan.status() == ElementScan::Status::too_deep ||
                      scan.status() == ElementScan::Status::truncated;
  HOLDS(failed == (scan.defect_position() >= 0), "a defect without a place, or a place without one");
  if (failed) {
    const auto defect = static_cast<std::uint64_t>(scan.defect_position());
    HOLDS(defect >= given.start && defect <= given.stop, "a defect outside the Data Set");
  }
  HOLDS(scan.resume() >= given.start, "goes on before the start");
  HOLDS(scan.resume() <= given.stop || failed, "goes on behind the stop");
  HOLDS(scan.records().size() <= given.wanted.size() + ElementScan::kMaxNestedPixelData + 1,
        "too many records");
  std::uint64_t before = given.start;
  for (const ElementRecord& record : scan.records()) {
    HOLDS(record.header_position >= before && record.value_position > record.header_position &&
              record.value_position - record.header_position <= 12,
          "a place that cannot be");
    HOLDS(record.value_position <= given.start + nbytes, "a header that is not there");
    HOLDS(record.value_nbytes >= -1 && record.depth <= ElementScan::kMaxDepth,
          "a length or depth that cannot be");
    before = record.header_position;
  }
}

bool same(const ElementScan& a, const ElementScan& b) {
  return a.status() == b.status() && a.resume() == b.resume() && a.defect_position() == b.defect_position() &&
         std::equal(a.records().begin(), a.records().end(), b.records().begin(), b.records().end(),
                    [](const ElementRecord& x, const ElementRecord& y) {
                      return x.tag == y.tag && x.vr[0] == y.vr[0] && x.vr[1] == y.vr[1] &&
                             x.header_position == y.header_position && x.value_position == y.value_position &&
                             x.value_nbytes == y.value_nbytes && x.depth == y.depth;
                    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const unsigned flags = input.byte();
  const std::size_t piece = 12 + input.byte();  // a header must fit
  const Exact bytes(input.rest());
  const std::span<const std::uint8_t> all = bytes.span();
  const ElementScan::Options given = options(flags, all.size());

  ElementScan whole(given);
  whole.feed(all, given.start);
  require_sane(whole, given, all.size());

  ElementScan pieces(given);
  while (pieces.status() == ElementScan::Status::more) {
    const std::uint64_t from = pieces.resume();
    const std::uint64_t offset = from - given.start;
    if (offset >= all.size()) break;
    const Exact window(all.subspan(static_cast<std::size_t>(offset),
                                   std::min(piece, all.size() - static_cast<std::size_t>(offset))));
    pieces.feed(window.span(), from);
    if (pieces.resume() == from) break;  // the rest of the input is too short for a header
  }
  // At the very end the walk may only have to see that it has ended.
  pieces.feed({}, pieces.resume());
  HOLDS(same(whole, pieces), "pieces say something else than the whole");
  return 0;
}

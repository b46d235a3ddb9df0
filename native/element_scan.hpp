// SPDX-License-Identifier: Apache-2.0
// Walks Data Element headers and Items by position (PS3.5 7). Values are skipped, never read: only the
// headers need to be in memory, and what is kept does not grow with the Data Set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "element_header.hpp"

namespace framedeflate {

// The Items of encapsulated Pixel Data (PS3.5 A.4) that begin inside a window.
struct ItemScan {
  enum class Status : std::uint8_t { more = 0, delimited = 1, other_tag = 2 };
  std::vector<std::uint64_t> value_positions;  // from the start of the window
  std::vector<std::uint64_t> value_nbytes;
  std::uint64_t
      resume;  // where more is needed; behind the Sequence Delimitation Item; or the header not understood
  Status status;
};
[[nodiscard]] ItemScan scan_items(std::span<const std::uint8_t> window, std::uint64_t start);

struct ElementRecord {
  std::uint32_t tag;
  std::uint8_t vr[2];  // zero where the header has none
  std::uint64_t header_position;
  std::uint64_t value_position;
  std::int64_t value_nbytes;  // -1: undefined length
  std::uint32_t depth;        // 0: the Data Set itself
};

class ElementScan {
 public:
  enum class Status : std::uint8_t { more, done, pixel_data, bad_structure, too_deep, truncated };

  struct Options {
    std::uint64_t start;  // position of the Data Set's first byte
    std::uint64_t stop;   // and of its end
    bool implicit_vr;
    bool big_endian;
    bool descend;  // also into sequences of defined length, for Pixel Data of nested Data Sets
    std::unordered_set<std::uint32_t> wanted;
  };

  // Deeper nesting than this is refused. Real objects nest about ten deep.
  static constexpr std::uint32_t kMaxDepth = 64;
  static constexpr std::uint32_t kMaxNestedPixelData = 64;

  explicit ElementScan(Options options);

  // Goes on from resume() as far as `window`, whose first byte lies at `position`, reaches.
  void feed(std::span<const std::uint8_t> window, std::uint64_t position);

  [[nodiscard]] Status status() const noexcept { return status_; }
  [[nodiscard]] std::uint64_t resume() const noexcept { return next_; }
  [[nodiscard]] std::int64_t defect_position() const noexcept { return defect_position_; }
  [[nodiscard]] const std::vector<ElementRecord>& records() const noexcept { return records_; }
  // Items met so far of the last top-level sequence that was walked: with their length so far, they tell how
  // much of it is to come.
  [[nodiscard]] std::uint64_t items() const noexcept { return items_; }

 private:
  struct Level {
    enum class Kind : std::uint8_t { data_set, sequence, fragments } kind;
    bool delimited;  // of undefined length: a delimitation Item ends it
    bool implicit_vr;
    bool big_endian;
    std::uint64_t end;  // no value within may reach beyond it
  };
  bool read_header(std::span<const std::uint8_t> window, std::uint64_t position, ElementHeader& header);
  void take_item(const ElementHeader& header);
  void take_element(const ElementHeader& header);
  void open(const ElementHeader& header);
  void push(Level::Kind kind, const ElementHeader& header, bool implicit_vr, bool big_endian);
  void record(const ElementHeader& header, bool always);
  void fail(Status status, std::uint64_t position) noexcept;
  void fail_at_end(std::uint64_t position) noexcept;

  std::uint64_t stop_;
  std::unordered_set<std::uint32_t> wanted_;  // those not yet seen
  bool descend_;
  std::vector<Level> levels_;
  std::uint32_t depth_ = 0;
  std::uint32_t nested_pixel_data_ = 0;
  std::uint64_t items_ = 0;
  std::uint64_t next_;
  Status status_ = Status::more;
  std::int64_t defect_position_ = -1;
  std::vector<ElementRecord> records_;
};

}  // namespace framedeflate

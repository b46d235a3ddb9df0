// SPDX-License-Identifier: Apache-2.0
#include "item_values.hpp"

#include <algorithm>

namespace framedeflate {
namespace {

using Status = ItemValues::Status;

constexpr std::int32_t kAbsent = -1;
// Whose values are of interest: those of no Data Set below, or of the outer Item itself; else a sequence's
// tag.
constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr std::uint32_t kItemItself = 0;

// Part of the window that lies within something: what it holds may not reach beyond `end`.
struct Extent {
  std::size_t end;
  bool delimited;  // a delimitation Item ends it before
  ElementEncoding encoding;
};

// Descends by calls, at most two for each of kMaxItemDepth sequences. Each function takes `at` over what it
// reads, and returns false once there is nothing more to read.
class Walk {
 public:
  Walk(const ItemWindow& window, std::span<const ItemPath> paths, std::size_t max_items)
      : window_(window), paths_(paths), max_items_(max_items), found_(paths.size()) {}

  ItemValues run() {
    const Extent whole{window_.bytes.size(), window_.delimited, window_.encoding};
    std::size_t at = 0;
    while (take_outer_item(whole, at)) out_.resume = at;
    return std::move(out_);
  }

 private:
  struct Found {
    std::size_t at;
    std::int32_t nbytes;
    bool big_endian;
  };

  bool take_outer_item(const Extent& whole, std::size_t& at) {
    if (window_.last && !window_.delimited && at == whole.end) return finish(Status::done);
    ElementHeader header;
    if (!read_header(whole, at, header)) return false;
    if (window_.delimited && header.tag == kSequenceDelimitation) {
      out_.resume = at + header.nbytes;
      return finish(Status::done);
    }
    if (header.tag == kItem && out_.nbytes.size() >= max_items_ * paths_.size()) {
      return fail(Status::many_items, at);
    }
    std::fill(found_.begin(), found_.end(), Found{0, kAbsent, false});
    if (!take_item(header, whole, at, kItemItself, 1)) return false;
    keep_found();
    return true;
  }

  void keep_found() {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      const Found& found = found_[i];
      out_.nbytes.push_back(static_cast<std::int16_t>(found.nbytes));
      if (found.nbytes <= 0) continue;
      const auto nbytes = static_cast<std::size_t>(found.nbytes);
      const auto value = window_.bytes.subspan(found.at, nbytes);
      out_.values.insert(out_.values.end(), value.begin(), value.end());
      const std::size_t word = paths_[i].word_nbytes;
      if (!found.big_endian || word < 2) continue;
      const auto first = out_.values.end() - found.nbytes;
      for (std::size_t w = 0; w + word <= nbytes; w += word) {
        std::reverse(first + static_cast<std::ptrdiff_t>(w), first + static_cast<std::ptrdiff_t>(w + word));
      }
    }
  }

  // An Item, whose header was read at `at`, of a sequence at `depth`.
  bool take_item(const ElementHeader& header, const Extent& around, std::size_t& at, std::uint32_t group,
                 std::uint32_t depth) {
    if (header.tag != kItem) return fail(Status::bad_structure, at);
    Extent inside{};
    if (!enter(header, around, at, inside)) return false;
    if (!inside.delimited && group == kNone) {
      at = inside.end;
      return true;
    }
    while (inside.delimited || at != inside.end) {
      ElementHeader element;
      if (!read_header(inside, at, element)) return false;
      if (inside.delimited && element.tag == kItemDelimitation) {
        at += element.nbytes;
        return true;
      }
      if (element.tag >> 16 == 0xFFFE) return fail(Status::bad_structure, at);
      if (!take_element(element, inside, at, group, depth)) return false;
    }
    return true;
  }

  bool take_element(const ElementHeader& header, const Extent& around, std::size_t& at, std::uint32_t group,
                    std::uint32_t depth) {
    const std::size_t header_at = at;
    const std::uint32_t inner = group == kItemItself && is_wanted_sequence(header.tag) ? header.tag : kNone;
    const unsigned vr = vr_code(header);
    Extent inside{};
    if (!enter(header, around, at, inside)) return false;
    const bool may_be_sequence = vr == 0 || vr == vr_code('S', 'Q') || vr == vr_code('U', 'N');
    const bool is_fragments =
        inside.delimited && (vr == vr_code('O', 'B') || vr == vr_code('O', 'W') ||
                             (header.tag == kPixelData && may_be_sequence && vr != vr_code('S', 'Q')));
    if (inside.delimited && !is_fragments && !may_be_sequence) return fail(Status::bad_structure, header_at);
    if (!inside.delimited && (inner == kNone || !may_be_sequence)) {
      if (group != kNone && !find(header.tag, group, at, inside)) return fail(Status::long_value, header_at);
      at = inside.end;
      return true;
    }
    if (is_fragments) return take_fragments(inside, at);
    if (depth >= kMaxItemDepth) return fail(Status::too_deep, header_at);
    // PS3.5 6.2.2: the Items of UN are in Implicit VR Little Endian, whatever the Transfer Syntax.
    if (vr == vr_code('U', 'N')) inside.encoding = {true, false};
    return take_sequence(inside, at, inner, depth + 1);
  }

  bool take_sequence(const Extent& inside, std::size_t& at, std::uint32_t group, std::uint32_t depth) {
    while (inside.delimited || at != inside.end) {
      ElementHeader item;
      if (!read_header(inside, at, item)) return false;
      if (inside.delimited && item.tag == kSequenceDelimitation) {
        at += item.nbytes;
        return true;
      }
      if (!take_item(item, inside, at, group, depth)) return false;
      group = kNone;  // these sequences have a single Item; should there be more, the first counts
    }
    return true;
  }

  bool take_fragments(const Extent& inside, std::size_t& at) {
    while (true) {
      ElementHeader item;
      if (!read_header(inside, at, item)) return false;
      if (item.tag == kSequenceDelimitation) {
        at += item.nbytes;
        return true;
      }
      if (item.tag != kItem || item.value_nbytes == kUndefinedLength) return fail(Status::bad_structure, at);
      Extent value{};
      if (!enter(item, inside, at, value)) return false;
      at = value.end;
    }
  }

  bool read_header(const Extent& inside, std::size_t at, ElementHeader& header) {
    const std::uint32_t needed =
        read_element_header(window_.bytes.subspan(at, inside.end - at), inside.encoding, header);
    return needed == 0 || ends_early(inside, at);
  }

  // Takes `at` from a header to its value, whose extent is `inside`.
  bool enter(const ElementHeader& header, const Extent& around, std::size_t& at, Extent& inside) {
    const std::size_t value_at = at + header.nbytes;
    inside = {around.end, header.value_nbytes == kUndefinedLength, around.encoding};
    if (!inside.delimited) {
      if (header.value_nbytes > around.end - value_at) return ends_early(around, at);
      inside.end = value_at + header.value_nbytes;
    }
    at = value_at;
    return true;
  }

  bool is_wanted_sequence(std::uint32_t tag) const {
    return std::any_of(paths_.begin(), paths_.end(), [tag](const ItemPath& path) {
      return path.sequence != kItemItself && path.sequence == tag;
    });
  }

  // False where it is a wanted value that is too long.
  bool find(std::uint32_t tag, std::uint32_t group, std::size_t at, const Extent& value) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (paths_[i].tag != tag || paths_[i].sequence != group || found_[i].nbytes != kAbsent) continue;
      if (value.end - at > kMaxValueNbytes) return false;
      found_[i] = {at, static_cast<std::int32_t>(value.end - at), value.encoding.big_endian};
    }
    return true;
  }

  // The window ends within something, or something ends within what it holds.
  bool ends_early(const Extent& inside, std::size_t at) {
    if (inside.end != window_.bytes.size()) return fail(Status::bad_structure, at);
    return window_.last ? fail(Status::truncated, at) : finish(Status::more);
  }

  bool fail(Status status, std::size_t at) {
    out_.defect_position = static_cast<std::int64_t>(at);
    return finish(status);
  }

  bool finish(Status status) {
    out_.status = status;
    return false;
  }

  const ItemWindow& window_;
  std::span<const ItemPath> paths_;
  std::size_t max_items_;
  std::vector<Found> found_;
  ItemValues out_;
};

}  // namespace

ItemValues read_item_values(const ItemWindow& window, std::span<const ItemPath> paths,
                            std::size_t max_items) {
  return Walk(window, paths, max_items).run();
}

}  // namespace framedeflate

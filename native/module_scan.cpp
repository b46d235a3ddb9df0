// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "element_scan.hpp"
#include "item_values.hpp"
#include "module.hpp"
#include "python_buffers.hpp"

namespace framedeflate {
namespace {

nb::tuple scan_items_py(nb::handle window, std::int64_t start) {
  const std::uint64_t first = position_of(start, "start must not be negative");
  const Bytes bytes(window);
  ItemScan scan;
  {
    const nb::gil_scoped_release release;
    scan = scan_items(bytes.span(), first);
  }
  return nb::make_tuple(scan.value_positions, scan.value_nbytes, scan.resume, static_cast<int>(scan.status));
}

const char* status_name(ElementScan::Status status) {
  switch (status) {
    case ElementScan::Status::more:
      return "more";
    case ElementScan::Status::done:
      return "done";
    case ElementScan::Status::pixel_data:
      return "pixel-data";
    case ElementScan::Status::bad_structure:
      return "bad-structure";
    case ElementScan::Status::too_deep:
      return "too-deep";
    case ElementScan::Status::truncated:
      return "truncated";
  }
  return "bad-structure";
}

nb::list records_py(const ElementScan& scan) {
  nb::list records;
  for (const ElementRecord& r : scan.records()) {
    records.append(nb::make_tuple(r.tag, nb::bytes(r.vr, r.vr[0] == 0 ? 0 : 2), r.header_position,
                                  r.value_position, r.value_nbytes, r.depth));
  }
  return records;
}

void init_scan(ElementScan* self, std::int64_t start, std::int64_t stop, bool implicit_vr, bool big_endian,
               nb::iterable wanted, bool descend) {
  const std::uint64_t first = position_of(start, "start must not be negative");
  require(stop >= start, "stop must not lie before start");
  ElementScan::Options options{first, static_cast<std::uint64_t>(stop), implicit_vr, big_endian, descend, {}};
  for (const nb::handle tag : wanted) options.wanted.insert(nb::cast<std::uint32_t>(tag));
  new (self) ElementScan(std::move(options));
}

void feed_scan(ElementScan& self, nb::handle window, std::int64_t position) {
  const std::uint64_t first = position_of(position, "position must not be negative");
  require(first <= self.resume(), "the window must not begin behind `resume`");
  const Bytes bytes(window);
  self.feed(bytes.span(), first);
}

const char* status_name(ItemValues::Status status) {
  switch (status) {
    case ItemValues::Status::more:
      return "more";
    case ItemValues::Status::done:
      return "done";
    case ItemValues::Status::bad_structure:
      return "bad-structure";
    case ItemValues::Status::too_deep:
      return "too-deep";
    case ItemValues::Status::truncated:
      return "truncated";
    case ItemValues::Status::long_value:
      return "long-value";
    case ItemValues::Status::many_items:
      return "many-items";
  }
  return "bad-structure";
}

using PathTuple = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

nb::tuple read_item_values_py(nb::handle window, const std::vector<PathTuple>& paths, std::int64_t max_items,
                              bool implicit_vr, bool big_endian, bool delimited, bool last) {
  require(max_items >= 0 && max_items <= std::numeric_limits<std::int32_t>::max(),
          "max_items must be 0 to 2147483647");
  require(!paths.empty() && paths.size() <= 64, "there must be 1 to 64 paths");
  std::vector<ItemPath> wanted;
  for (const auto& [sequence, tag, word_nbytes] : paths) {
    require(word_nbytes >= 1 && word_nbytes <= 8, "a word must have 1 to 8 bytes");
    wanted.push_back({sequence, tag, word_nbytes});
  }
  const Bytes bytes(window);
  ItemValues found;
  {
    const nb::gil_scoped_release release;
    found = read_item_values({bytes.span(), delimited, last, {implicit_vr, big_endian}}, wanted,
                             static_cast<std::size_t>(max_items));
  }
  return nb::make_tuple(nb::bytes(found.values.data(), found.values.size()),
                        nb::bytes(found.nbytes.data(), found.nbytes.size() * sizeof(std::int16_t)),
                        found.resume, status_name(found.status), found.defect_position);
}

}  // namespace

void register_scans(nanobind::module_& m) {
  m.def("scan_items", scan_items_py, nb::arg("window"), nb::arg("start"));
  m.def("read_item_values", read_item_values_py, nb::arg("window"), nb::kw_only(), nb::arg("paths"),
        nb::arg("max_items"), nb::arg("implicit_vr"), nb::arg("big_endian"), nb::arg("delimited"),
        nb::arg("last"));
  nb::class_<ElementScan>(m, "ElementScan")
      .def("__init__", init_scan, nb::kw_only(), nb::arg("start"), nb::arg("stop"), nb::arg("implicit_vr"),
           nb::arg("big_endian"), nb::arg("wanted"), nb::arg("descend"))
      .def("feed", feed_scan, nb::arg("window"), nb::arg("position"))
      .def_prop_ro("resume", &ElementScan::resume)
      .def_prop_ro("status", [](const ElementScan& self) { return status_name(self.status()); })
      .def_prop_ro("defect_position", &ElementScan::defect_position)
      .def_prop_ro("items", &ElementScan::items)
      .def_prop_ro("records", records_py);
}

}  // namespace framedeflate

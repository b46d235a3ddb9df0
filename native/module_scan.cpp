// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/vector.h>

#include "element_scan.hpp"
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

}  // namespace

void register_scans(nanobind::module_& m) {
  m.def("scan_items", scan_items_py, nb::arg("window"), nb::arg("start"));
  nb::class_<ElementScan>(m, "ElementScan")
      .def("__init__", init_scan, nb::kw_only(), nb::arg("start"), nb::arg("stop"), nb::arg("implicit_vr"),
           nb::arg("big_endian"), nb::arg("wanted"), nb::arg("descend"))
      .def("feed", feed_scan, nb::arg("window"), nb::arg("position"))
      .def_prop_ro("resume", &ElementScan::resume)
      .def_prop_ro("status", [](const ElementScan& self) { return status_name(self.status()); })
      .def_prop_ro("defect_position", &ElementScan::defect_position)
      .def_prop_ro("records", records_py);
}

}  // namespace framedeflate

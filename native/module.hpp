// SPDX-License-Identifier: Apache-2.0
// The Python face of the core, one function a group. They check sizes, hold the buffers and release the GIL;
// the work is done elsewhere.
#pragma once

#include <nanobind/nanobind.h>

namespace framedeflate {

void register_frames(nanobind::module_& m);
void register_bits(nanobind::module_& m);
void register_pixels(nanobind::module_& m);
void register_scans(nanobind::module_& m);

}  // namespace framedeflate

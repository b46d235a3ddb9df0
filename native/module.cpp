// SPDX-License-Identifier: Apache-2.0
#include "module.hpp"

NB_MODULE(_native, m) {
  framedeflate::register_frames(m);
  framedeflate::register_bits(m);
  framedeflate::register_pixels(m);
  framedeflate::register_scans(m);
}

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "encoder.hpp"
#include "plain_inflate.hpp"
#include "samples.hpp"
#include "tests.hpp"

// Every sample at every level; the digest is of the streams, which are the same on every machine.
void test_encoder(Digest& digest) {
  framedeflate::EncoderScratch reused;
  for (const Sample& sample : samples()) {
    const std::size_t nbytes = sample.frame.size();
    const std::size_t stored = nbytes + 5 * std::max<std::size_t>(1, (nbytes + 65534) / 65535);
    for (int level = 1; level <= 9; ++level) {
      if (nbytes > 100000 && level > 5) continue;  // for the sake of emulated machines
      std::vector<std::uint8_t> out(framedeflate::deflate_bound(nbytes));
      const std::size_t n = framedeflate::deflate_frame(sample.frame, sample.row_nbits, level, reused, out);
      CHECK(n <= stored, "%s, level %d: %zu bytes, stored %zu", sample.name.c_str(), level, n, stored);
      out.resize(n);
      const PlainInflated inflated = plain_inflate(out, nbytes);
      CHECK(inflated.end == PlainInflated::End::whole && inflated.consumed == n &&
                inflated.bytes == sample.frame,
            "%s of %zu bytes, level %d", sample.name.c_str(), nbytes, level);
      digest.add(out);

      framedeflate::EncoderScratch fresh;
      std::vector<std::uint8_t> again(framedeflate::deflate_bound(nbytes));
      again.resize(framedeflate::deflate_frame(sample.frame, sample.row_nbits, level, fresh, again));
      CHECK(again == out, "%s, level %d: not the same as behind other frames", sample.name.c_str(), level);
    }
    digest.add(framedeflate::looks_photographic(sample.frame, sample.row_nbits) ? 1 : 0);
  }
}

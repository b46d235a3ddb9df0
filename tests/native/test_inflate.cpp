// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "encoder.hpp"
#include "inflate.hpp"
#include "plain_inflate.hpp"
#include "samples.hpp"
#include "tests.hpp"

using framedeflate::Defect;
using framedeflate::Inflated;

namespace {

// Beside the plain decoder; the defect it must be where the stream is not whole or of another size.
void check_stream(const std::vector<std::uint8_t>& stream, std::size_t frame_nbytes, Digest& digest) {
  std::vector<std::uint8_t> frame(frame_nbytes, 0xA5);
  const Inflated inflated = framedeflate::inflate_exact(stream, frame);
  const PlainInflated plain = plain_inflate(stream, frame_nbytes);
  using End = PlainInflated::End;
  Defect expected = Defect::none;
  if (plain.end == End::bad) expected = Defect::bad_data;
  if (plain.end == End::missing) expected = Defect::not_terminated;
  if (plain.end == End::full) expected = Defect::excess_output;
  if (plain.end == End::whole && plain.bytes.size() < frame_nbytes) expected = Defect::short_output;
  CHECK(inflated.defect == expected, "defect %d, not %d; %zu bytes of stream",
        static_cast<int>(inflated.defect), static_cast<int>(expected), stream.size());
  CHECK(inflated.produced <= plain.bytes.size() &&
            std::equal(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(inflated.produced),
                       plain.bytes.begin()),
        "other bytes among %zu", inflated.produced);
  if (plain.end == End::whole) {
    CHECK(inflated.produced == plain.bytes.size(), "%zu bytes, not %zu", inflated.produced,
          plain.bytes.size());
    CHECK(inflated.consumed == plain.consumed, "%zu bytes read, not %zu", inflated.consumed, plain.consumed);
  }
  digest.add(static_cast<std::uint64_t>(inflated.defect));
  digest.add(inflated.consumed);
  digest.add(inflated.produced);
  digest.add(std::span(frame).first(inflated.produced));
}

}  // namespace

void test_inflate(Digest& digest) {
  Numbers numbers(5);
  framedeflate::EncoderScratch scratch;
  for (const Sample& sample : samples()) {
    const std::size_t nbytes = sample.frame.size();
    for (const int level : {1, 5}) {
      std::vector<std::uint8_t> whole(framedeflate::deflate_bound(nbytes));
      whole.resize(framedeflate::deflate_frame(sample.frame, sample.row_nbits, level, scratch, whole));
      check_stream(whole, nbytes, digest);
      if (nbytes > 20000) continue;
      for (const std::size_t other : {nbytes - 1, nbytes + 1, nbytes / 2, nbytes + 500})
        check_stream(whole, other, digest);
      // Cut, with something behind, and broken in one place.
      for (int n = 0; n < 12; ++n) {
        std::vector<std::uint8_t> changed = whole;
        changed.resize(numbers.below(whole.size() + 1));
        check_stream(changed, nbytes, digest);
        changed = whole;
        changed.insert(changed.end(), numbers.below(20), 0x55);
        check_stream(changed, nbytes, digest);
      }
      for (int n = 0; n < 40; ++n) {
        std::vector<std::uint8_t> changed = whole;
        const std::size_t bit =
            numbers.below(8 * std::min<std::size_t>(whole.size(), n % 2 == 0 ? 60 : whole.size()));
        changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        check_stream(changed, nbytes, digest);
      }
    }
  }
  // Anything at all.
  for (int n = 0; n < 3000; ++n) {
    std::vector<std::uint8_t> stream(numbers.below(80));
    for (std::uint8_t& byte : stream) byte = static_cast<std::uint8_t>(numbers.next());
    if (!stream.empty()) stream[0] = static_cast<std::uint8_t>((stream[0] & ~6U) | (n % 2 == 0 ? 4 : 2));
    check_stream(stream, numbers.below(600), digest);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Which frames are not for this encoder: those in which a general match search finds what runs and rows do
// not. Bytes that neither a run nor the row above explains tell, in a bounded sample of them.
//
// Their alphabet is wide in CT, MR, colour and fractional frames. Edges, nuclei and even noise of single-bit
// frames use few byte values much more often than the rest. The width is taken as the inverse of the chance
// that two such bytes are equal, at even and odd positions apart, since 16-bit samples are wide in their low
// byte alone. Measured: at most 25 on single-bit frames and 8-bit label maps, at least 50 on fractional
// frames, CT and RGB. Three kinds of frames would be taken for others by this alone, and are told by how many
// there are of those bytes, and whether they repeat: the numbers of many instances in wide label maps, air in
// CT, and patterns.
#include <algorithm>
#include <array>
#include <bit>

#include "encoder.hpp"
#include "equality_map.hpp"

namespace framedeflate {
namespace {

constexpr std::uint64_t kWide = 40;        // effective number of values that counts as photographic
constexpr std::uint64_t kEnough = 40;      // fewer unexplained bytes say nothing
constexpr std::size_t kMost = 320;         // unexplained bytes are enough
constexpr std::size_t kSampleWords = 512;  // are looked at, at most

// The bits that lie in three or more ones together, taking ones beyond either end for granted.
std::uint64_t in_runs(std::uint64_t map) noexcept {
  const std::uint64_t after = map >> 1 | std::uint64_t{1} << 63, after2 = map >> 2 | std::uint64_t{3} << 62;
  const std::uint64_t starts = map & after & after2;
  return starts | starts << 1 | starts << 2 | (map & 1) | (map & map << 1 & 2);
}

// Which of the 64 bytes at `at` neither a run nor the row above explains.
std::uint64_t unexplained_64(const std::uint8_t* at, std::size_t row) noexcept {
  const std::uint64_t run = equal_64(at, at - 1);
  return run == ~std::uint64_t{0} ? 0 : ~(in_runs(run) | in_runs(equal_64(at, at - row)));
}

// Bytes of which the effective number of values is total * (total - 1) / pairs.
class Alphabet {
 public:
  void add(std::uint8_t byte) noexcept {
    ++total_;
    pairs_ += 2 * std::uint64_t{counts_[byte]++};  // ordered ones, of equal bytes
  }
  [[nodiscard]] bool is_wide() const noexcept {
    return total_ >= kEnough && total_ * (total_ - 1) > kWide * pairs_;
  }
  // More than three times as wide; the totals are below 2^11.
  [[nodiscard]] bool is_wider_than(const Alphabet& other) const noexcept {
    return total_ >= kEnough && other.total_ >= kEnough &&
           total_ * (total_ - 1) * other.pairs_ > 3 * other.total_ * (other.total_ - 1) * pairs_;
  }

 private:
  std::uint64_t total_ = 0, pairs_ = 0;
  std::array<std::uint16_t, 256> counts_{};
};

// Of a hundred unexplained bytes from word `word` on, how many begin four bytes that were seen shortly
// before.
std::size_t percent_repeated(std::span<const std::uint8_t> frame, std::size_t row,
                             std::size_t word) noexcept {
  constexpr std::size_t kLooked = 384, kMostWords = 4096;
  std::array<std::uint32_t, 1024> seen{};  // the last place of each hash, plus one
  std::size_t looked = 0, repeated = 0, next = 0;
  const std::size_t last = (frame.size() - row - 4) / 64;
  for (const std::size_t stop = std::min(last, word + kMostWords); word < stop && looked < kLooked; ++word) {
    const std::size_t start = row + 64 * word;
    for (std::uint64_t left = unexplained_64(frame.data() + start, row); left != 0; left &= left - 1) {
      const std::size_t i = start + static_cast<std::size_t>(std::countr_zero(left));
      const std::uint8_t* const at = frame.data() + i;
      const std::uint32_t four =
          at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
      std::uint32_t& place = seen[(four * 0x9E3779B1U) >> 22];
      if (i >= next) {
        ++looked;
        if (place != 0 && std::equal(at, at + 4, frame.data() + place - 1)) {
          ++repeated;
          next = i + 4;
        }
      }
      place = static_cast<std::uint32_t>(i + 1);
    }
  }
  return looked < kEnough ? 0 : 100 * repeated / looked;
}

// Words from all over the frame, as many as it takes to find enough unexplained bytes in them.
class Sample {
 public:
  Sample(std::span<const std::uint8_t> frame, std::size_t row, std::size_t nwords) noexcept
      : frame_(frame), row_(row), size_(std::bit_floor(nwords)) {
    const std::size_t all = (frame.size() - row) / 64;
    step_ = (all << kStepBits) / size_;
    swerve_ = std::bit_floor(all / size_) - 1;
    // In an order that goes over the whole frame again and again.
    for (; looked_ < size_ && unexplained_ < kMost; ++looked_) look(looked_ * kStride & (size_ - 1));
  }

  [[nodiscard]] std::size_t unexplained() const noexcept { return unexplained_; }
  [[nodiscard]] bool is_more_than_one_in(std::size_t n) const noexcept {
    return n * unexplained_ > 64 * looked_;
  }
  [[nodiscard]] const Alphabet& even() const noexcept { return halves_[0]; }
  [[nodiscard]] const Alphabet& odd() const noexcept { return halves_[1]; }
  [[nodiscard]] std::size_t percent_repeated() const noexcept {
    // From where half of the unexplained bytes lie before.
    std::size_t k = 0;
    for (std::size_t before = unexplained_in_[0]; 2 * before < unexplained_; before += unexplained_in_[k])
      ++k;
    return framedeflate::percent_repeated(frame_, row_, place(k) - std::min(place(k), std::size_t{8}));
  }

 private:
  static constexpr std::size_t kStride = 77;  // odd, and no power of two is near a multiple
  static constexpr unsigned kStepBits = 8;

  // Not at even steps, which would look at the same columns of every row.
  [[nodiscard]] std::size_t place(std::size_t k) const noexcept {
    return (k * step_ >> kStepBits) + (k * 37 & swerve_);
  }

  void look(std::size_t k) noexcept {
    const std::uint8_t* const at = frame_.data() + row_ + 64 * place(k);
    for (std::uint64_t left = unexplained_64(at, row_); left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      halves_[i & 1].add(at[i]);
      ++unexplained_in_[k];
    }
    unexplained_ += unexplained_in_[k];
  }

  std::span<const std::uint8_t> frame_;
  std::size_t row_, size_, step_ = 0, swerve_ = 0;
  std::size_t looked_ = 0, unexplained_ = 0;
  std::array<Alphabet, 2> halves_{};  // at even and odd positions
  std::array<std::uint8_t, kSampleWords> unexplained_in_{};
};

}  // namespace

bool looks_photographic(std::span<const std::uint8_t> frame, std::size_t row_nbits, int level) noexcept {
  const std::size_t row = std::max<std::size_t>(2, row_nbits / 8);
  if (frame.size() < row + 128) return false;
  const std::size_t nwords = (frame.size() - row) / 64;
  const Sample sample(frame, row, std::min({nwords, kSampleWords, std::max<std::size_t>(64, nwords / 8)}));
  if (sample.unexplained() < kEnough) return false;
  const Alphabet &even = sample.even(), &odd = sample.odd();
  if (even.is_wide() || odd.is_wide()) {
    // Not instances in a label map: few edges, whose bytes come again and again.
    return level > 1 || sample.is_more_than_one_in(16) || sample.percent_repeated() < 60;
  }
  // Noise in the low bytes of 16-bit samples, few as its values may be: air.
  if (sample.is_more_than_one_in(8) && (even.is_wider_than(odd) || odd.is_wider_than(even)))
    return sample.percent_repeated() < 50;
  // A texture that is always the same.
  return sample.is_more_than_one_in(4) && sample.percent_repeated() > 85;
}

}  // namespace framedeflate

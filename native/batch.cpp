// SPDX-License-Identifier: Apache-2.0
#include "batch.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

#include "encoder.hpp"

namespace framedeflate {
namespace {

// A worker takes this much native data at a time: far more than taking it costs, little enough to share out
// evenly.
constexpr std::size_t kRangeNbytes = std::size_t{256} << 10;
// Starting a thread costs about as much as inflating this much.
constexpr std::size_t kWorkerNbytes = std::size_t{1} << 20;

std::size_t range_count(std::size_t item_nbytes) {
  return std::max<std::size_t>(1, kRangeNbytes / std::max<std::size_t>(1, item_nbytes));
}

// Whether the stream inflates, to its very last byte, to just this Frame. `inflated` is as large as it.
bool gives_back(std::span<const std::uint8_t> stream, std::span<const std::uint8_t> frame,
                std::span<std::uint8_t> inflated) {
  const Inflated result = inflate_exact(stream, inflated);
  return result.defect == Defect::none && result.consumed == stream.size() &&
         std::memcmp(inflated.data(), frame.data(), frame.size()) == 0;
}

}  // namespace

unsigned worker_count(std::size_t count, std::size_t item_nbytes, unsigned threads) noexcept {
  // Counting the cores reads a file, which takes longer than a sparse Frame.
  if (threads == 1 || count < 2) return 1;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned wanted = threads == 0 ? cores : std::min(threads, cores);
  // In units of whole ranges, and without a product that could overflow.
  const std::size_t per_worker =
      std::max<std::size_t>(1, kWorkerNbytes / std::max<std::size_t>(1, item_nbytes));
  return static_cast<unsigned>(std::clamp<std::size_t>(count / per_worker, 1, wanted));
}

void for_each_range(std::size_t count, std::size_t item_nbytes, unsigned workers,
                    const std::function<void(unsigned, std::size_t, std::size_t)>& work) {
  const std::size_t step = range_count(item_nbytes);
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> errors(workers);
  const auto run = [&](unsigned worker) {
    try {
      for (std::size_t first; (first = next.fetch_add(step)) < count;) {
        work(worker, first, std::min(first + step, count));
      }
    } catch (...) {
      // Kept, not handled: an exception must not leave a thread, and the others stop at their next range.
      errors[worker] = std::current_exception();
      next.store(count);
    }
  };
  {
    std::vector<std::thread> threads;
    threads.reserve(workers);
    for (unsigned worker = 1; worker < workers; ++worker) {
      try {
        threads.emplace_back(run, worker);
      } catch (const std::system_error&) {
        break;  // The system gives no more threads: those that run do all the work.
      }
    }
    run(0);
    for (std::thread& thread : threads) thread.join();
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

Deflated deflate_batch(const DeflateJob& job, unsigned threads) {
  const std::size_t nbytes = job.frame_nbytes, count = job.frames.size() / nbytes;
  const unsigned workers = worker_count(count, nbytes, threads);
  struct Buffers {
    EncoderScratch scratch;
    std::vector<std::uint8_t> stream, inflated;
    std::size_t first_mismatch;
  };
  std::vector<Buffers> buffers(workers);
  for (Buffers& each : buffers) each.first_mismatch = count;
  Deflated deflated;
  deflated.places.resize(count);
  deflated.arenas.resize(workers);
  for_each_range(count, nbytes, workers, [&](unsigned worker, std::size_t first, std::size_t last) {
    auto& [scratch, stream, inflated, first_mismatch] = buffers[worker];
    std::vector<std::uint8_t>& arena = deflated.arenas[worker];
    stream.resize(deflate_bound(nbytes));
    if (!job.expected.empty()) inflated.resize(nbytes);
    for (std::size_t i = first; i < last && i < first_mismatch; ++i) {
      const std::span<const std::uint8_t> frame = job.frames.subspan(i * nbytes, nbytes);
      deflated.places[i] = {worker, arena.size(), 0};
      if (job.skip_photographic && looks_photographic(frame, job.row_nbits, job.level)) continue;
      const std::size_t n = deflate_frame(frame, job.row_nbits, job.level, scratch, stream);
      deflated.places[i].nbytes = n;
      arena.insert(arena.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(n));
      if (!job.expected.empty() &&
          !gives_back(std::span(stream).first(n), job.expected.subspan(i * nbytes, nbytes), inflated)) {
        first_mismatch = i;
      }
    }
  });
  deflated.first_mismatch = count;
  for (const Buffers& each : buffers) {
    deflated.first_mismatch = std::min(deflated.first_mismatch, each.first_mismatch);
  }
  return deflated;
}

std::vector<Inflated> inflate_batch(std::span<const std::span<const std::uint8_t>> fragments,
                                    std::size_t frame_nbytes, std::span<std::uint8_t> out, unsigned threads) {
  std::vector<Inflated> results(fragments.size());
  for_each_range(fragments.size(), frame_nbytes, worker_count(fragments.size(), frame_nbytes, threads),
                 [&](unsigned, std::size_t first, std::size_t last) {
                   for (std::size_t i = first; i < last; ++i) {
                     const std::span<std::uint8_t> frame = out.subspan(i * frame_nbytes, frame_nbytes);
                     results[i] = inflate_exact(fragments[i], frame);
                     if (results[i].defect != Defect::none) std::memset(frame.data(), 0, frame.size());
                   }
                 });
  return results;
}

std::size_t first_mismatch(std::span<const std::span<const std::uint8_t>> streams, std::size_t frame_nbytes,
                           std::span<const std::uint8_t> frames, unsigned threads) {
  const unsigned workers = worker_count(streams.size(), frame_nbytes, threads);
  std::vector<std::vector<std::uint8_t>> inflated(workers);
  std::vector<std::size_t> first(workers, streams.size());
  for_each_range(
      streams.size(), frame_nbytes, workers, [&](unsigned worker, std::size_t begin, std::size_t end) {
        inflated[worker].resize(frame_nbytes);
        for (std::size_t i = begin; i < end && i < first[worker]; ++i) {
          if (!gives_back(streams[i], frames.subspan(i * frame_nbytes, frame_nbytes), inflated[worker]))
            first[worker] = i;
        }
      });
  return *std::min_element(first.begin(), first.end());
}

}  // namespace framedeflate

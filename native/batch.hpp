// SPDX-License-Identifier: Apache-2.0
// Many Frames a call, over worker threads. Threads live as long as the call does, so that a process that uses
// this can fork at any other time. What is written depends on the Frames alone, not on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "inflate.hpp"

namespace framedeflate {

// Calls work(worker, first, last) for consecutive ranges that together are 0 to count - 1. `threads` 0 means
// all cores; fewer are used where there is too little to do. `item_nbytes` tells how much that is. What work
// throws is rethrown.
unsigned worker_count(std::size_t count, std::size_t item_nbytes, unsigned threads) noexcept;
void for_each_range(std::size_t count, std::size_t item_nbytes, unsigned workers,
                    const std::function<void(unsigned, std::size_t, std::size_t)>& work);

// What is to be deflated, and how.
struct DeflateJob {
  std::span<const std::uint8_t> frames;  // one behind the other
  std::size_t frame_nbytes;
  std::size_t row_nbits;
  int level;
  // Frames that look photographic are left out: they have a stream of no bytes.
  bool skip_photographic = false;
  // What each stream must inflate to, frames.size() bytes; empty where nothing is checked. Done while Frame
  // and stream are in the nearest cache.
  std::span<const std::uint8_t> expected = {};
};

// The streams of a batch: each worker's lie one behind the other in its own arena.
struct Deflated {
  struct Place {
    unsigned worker;
    std::size_t offset;
    std::size_t nbytes;
  };
  std::vector<std::vector<std::uint8_t>> arenas;
  std::vector<Place> places;   // one a Frame
  std::size_t first_mismatch;  // the first Frame that its stream does not give back; places.size(): none

  [[nodiscard]] std::span<const std::uint8_t> stream(std::size_t index) const {
    const Place& place = places[index];
    return std::span(arenas[place.worker]).subspan(place.offset, place.nbytes);
  }
};
[[nodiscard]] Deflated deflate_batch(const DeflateJob& job, unsigned threads);

// Inflates each Fragment into its part of `out`, of fragments.size() * frame_nbytes bytes. The part of a
// Fragment with a defect is zeroed: nothing half decoded, and nothing that was in the memory before, is left
// in it.
[[nodiscard]] std::vector<Inflated> inflate_batch(std::span<const std::span<const std::uint8_t>> fragments,
                                                  std::size_t frame_nbytes, std::span<std::uint8_t> out,
                                                  unsigned threads);

// The first stream that does not inflate, to its very last byte, to exactly its part of `frames`;
// streams.size() where there is none. A Frame at a time, so that what is compared is still in the cache.
[[nodiscard]] std::size_t first_mismatch(std::span<const std::span<const std::uint8_t>> streams,
                                         std::size_t frame_nbytes, std::span<const std::uint8_t> frames,
                                         unsigned threads);

}  // namespace framedeflate

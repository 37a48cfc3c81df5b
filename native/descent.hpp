// Gradients of batches, and training by them: epochs of batches, each a step of the optimizer.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>

#include "pipeline.hpp"

namespace pellucid {

// Asked between pieces of work of about a millisecond; true means stop.
using Poll = std::function<bool()>;

// A pool for the length of a call, or none.
class Lease {
  public:
    explicit Lease(int threads) : pool_(Pool::try_borrow(threads)) {}
    ~Lease() {
        if (pool_) pool_->give_back();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Tasks tasks() const { return Tasks(pool_); }

  private:
    Pool* pool_;
};

struct Penalty {
    double l2 = 0, l1 = 0;
    bool is_on() const { return l2 > 0 || l1 > 0; }
    double value(const Seen& seen) const { return l2 / 2 * seen.squares + l1 * seen.magnitudes; }
};

// The mean gradient of a batch of any length, in blocks and slots.
template <class T>
class Descent {
  public:
    Descent(const Kernels<T>& kernels, const Problem<T>& problem, std::int64_t batch)
        : machine(kernels, problem), batch_(batch), rows_(machine.block_rows(batch)), ranges_(machine.ranges(batch)),
          seen_(ranges_.size()), full_groups_(groups(2.0 * rows_ + 20)), step_groups_(groups(40)) {
        for (const auto& range : ranges_)
            has_long_rows_ = has_long_rows_ || range.count / (range.is_bias ? 1 : range.end - range.first) > tile_numbers<T>;
        if (Pipeline<T>::suits(machine.at, rows_, batch)) pipeline_ = std::make_unique<Pipeline<T>>(machine, ranges_);
    }

    Machine<T> machine;
    Dropout dropout;

    struct Result {
        double loss = 0;
        Seen seen;
        bool stopped = false;
    };

    // Set the gradient of Σ share_i L_i and return that sum; or take the step with it at once. A share is the sample's
    // weight over the mean weight and the batch.
    Result batch(const Samples<T>& samples, std::int64_t first, int count, const Update<T>* step, T* m, T* v,
                 double clip_norm, const Penalty& penalty, const Tasks& tasks, const Poll& poll) {
        const int rows = count == batch_ ? rows_ : machine.block_rows(count);
        const int blocks = (count + rows - 1) / rows;
        const double factor = samples.factor(count);
        const bool fused = blocks == 1 && step && clip_norm <= 0;
        Result result;
        if (pipeline_ && step && clip_norm <= 0) {
            result.loss = pipeline_->batch(samples, first, count, static_cast<int>(batch_), *step, m, v, dropout, seen_,
                                           tasks);
            result.seen = seen();
            result.loss += penalty.value(result.seen);
            return result;
        }
        if (blocks > 1 && !machine.is_wide()) {
            slots(samples, first, count, rows, blocks, factor, tasks, poll, result);
        } else {
            reserve(1, rows);
            if (!fused || has_long_rows_) reserve_gradients(1);
            for (int b = 0; b < blocks && !result.stopped; ++b) {
                const int start = b * rows, own = std::min(rows, count - start);
                Block<T>& block = *blocks_[0];
                five_steps(block, samples, first + start, own, factor, tasks);
                result.loss += machine.loss(block, own);
                if (fused) {
                    update_fused(block, own, *step, m, v, tasks);
                } else {
                    T* g = gradients_[0].data();
                    each_range(full_groups_, tasks, [&](int r) {
                        machine.gradient(block, own, ranges_[r], g + ranges_[r].start, b > 0);
                    });
                }
                result.stopped = b + 1 < blocks && poll();
            }
        }
        if (result.stopped) return result;
        if (!fused) finish(step, m, v, clip_norm, penalty, tasks, std::min(blocks, slots_used_));
        result.seen = seen();
        result.loss += penalty.value(result.seen);
        return result;
    }

    // Samples, their order or the parameters change.
    void restart() {
        if (pipeline_) pipeline_->restart();
    }

    const T* gradient() const { return gradients_[0].data(); }

    Block<T>& block(bool keeps_z = false) {
        reserve(1, rows_, keeps_z);
        return *blocks_[0];
    }

    int rows() const { return rows_; }

    // Threads that a step is worth, at most `most`. Parts and slots meet twice in a step, tiles of a block in every layer;
    // threads that have to be woken first need more to do.
    int threads(int most, double share_of_step = 1, bool are_awake = true) const {
        const double each = !are_awake ? 1e6 : pipeline_ || (rows_ < batch_ && !machine.is_wide()) ? 1e5 : 3e5;
        const double useful = share_of_step * machine.operations(batch_) / each;
        return useful < 2 ? 1 : useful < most ? static_cast<int>(useful) : most;
    }

  private:
    // Neighbouring ranges that one task goes through, as ends, where a number costs so many operations: one task, or an
    // even number of nearly equal ones.
    std::vector<int> groups(double per_number) const {
        double all = 0, done = 0;
        for (const auto& range : ranges_) all += per_number * static_cast<double>(range.count);
        int tasks = static_cast<int>(all / Machine<T>::task_operations);
        tasks = all < Machine<T>::task_operations ? 1 : tasks < 2 ? 2 : (tasks + 1) / 2 * 2;
        std::vector<int> ends;
        for (std::size_t r = 0; r < ranges_.size(); ++r) {
            const double own = per_number * static_cast<double>(ranges_[r].count);
            // To the next task with what lies in it by more than half.
            const double bound = all * static_cast<double>(ends.size() + 1) / tasks;
            if (r > 0 && done + own / 2 > bound) ends.push_back(static_cast<int>(r));
            done += own;
        }
        ends.push_back(static_cast<int>(ranges_.size()));
        return ends;
    }

    template <class F>
    void each_range(const std::vector<int>& ends, const Tasks& tasks, F&& f) const {
        tasks(static_cast<int>(ends.size()), [&](int group) {
            for (int r = group ? ends[group - 1] : 0; r < ends[group]; ++r) f(r);
        });
    }

    // What the ranges saw, in their order.
    Seen seen() const {
        Seen all;
        for (const Seen& own : seen_) {
            all.squares += own.squares;
            all.magnitudes += own.magnitudes;
            all.finite = all.finite && own.finite;
        }
        return all;
    }

    void five_steps(Block<T>& block, const Samples<T>& samples, std::int64_t first, int count, double factor,
                    const Tasks& tasks) {
        machine.gather(block, samples, first, count, factor, tasks);
        machine.feedforward(block, count, true, tasks, dropout, first);
        machine.output(block, count, true, true, tasks);
        machine.backpropagate(block, count, tasks);
    }

    // Long batches of small networks: every slot goes through its blocks alone and sums its own gradient.
    void slots(const Samples<T>& samples, std::int64_t first, int count, int rows, int blocks, double factor,
               const Tasks& tasks, const Poll& poll, Result& result) {
        const int slots = std::min(blocks, most_slots);
        slots_used_ = slots;
        reserve(slots, rows);
        reserve_gradients(slots);
        std::vector<double> losses(slots, 0.0);
        const int per_slot = (blocks + slots - 1) / slots;
        const int per_round = std::max(1, static_cast<int>(5e7 / machine.operations(rows)));
        for (int round = 0; round < per_slot && !result.stopped; round += per_round) {
            tasks(slots, [&](int slot) {
                const int begin = static_cast<int>(static_cast<std::int64_t>(blocks) * slot / slots);
                const int end = static_cast<int>(static_cast<std::int64_t>(blocks) * (slot + 1) / slots);
                for (int b = begin + round; b < std::min(end, begin + round + per_round); ++b) {
                    const int start = b * rows, own = std::min(rows, count - start);
                    if (own <= 0) continue;
                    Block<T>& block = *blocks_[slot];
                    five_steps(block, samples, first + start, own, factor, Tasks());
                    losses[slot] += machine.loss(block, own);
                    for (const auto& range : ranges_)
                        machine.gradient(block, own, range, gradients_[slot].data() + range.start, b > begin);
                }
            });
            result.stopped = round + per_round < per_slot && poll();
        }
        for (const double loss : losses) result.loss += loss;
    }

    // The update with each tile of the gradient while it is in the first cache.
    void update_fused(const Block<T>& block, int count, const Update<T>& step, T* m, T* v, const Tasks& tasks) {
        T* const spill = has_long_rows_ ? gradients_[0].data() : nullptr;
        each_range(full_groups_, tasks, [&](int r) {
            const auto& range = ranges_[r];
            const Run<T> run = Run<T>{machine.theta.data(), m, v}.from(range.start);
            seen_[r] = fused_step(machine, block, count, range, step, run, spill);
            if (!range.is_bias) machine.turn(range.layer, range.panel, range.first, range.end);
        });
    }

    // Add up the slots in their order; then penalty, clipping and the step.
    void finish(const Update<T>* step, T* m, T* v, double clip_norm, const Penalty& penalty, const Tasks& tasks,
                int slots) {
        T* g = gradients_[0].data();
        const bool in_step = step && clip_norm <= 0;
        std::vector<double> most(ranges_.size());
        each_range(step_groups_, tasks, [&](int r) {
            const auto& range = ranges_[r];
            for (int s = 1; s < slots; ++s) kernels().add(g + range.start, gradients_[s].data() + range.start, range.count);
            if (in_step) {
                apply(r, *step, m, v);
                return;
            }
            seen_[r] = Seen();
            if (penalty.is_on() && !range.is_bias)
                seen_[r] = kernels().penalise(machine.theta.data() + range.start, g + range.start,
                                              static_cast<T>(penalty.l2), static_cast<T>(penalty.l1), range.count);
            if (!step) return;
            most[r] = kernels().largest(g + range.start, range.count);
            seen_[r].finite = std::isfinite(most[r]);
        });
        if (in_step || !step) return;
        Update<T> clipped = *step;
        clipped.l2 = clipped.l1 = 0;
        double largest = 0;
        for (const double own : most) largest = own > largest || own != own ? own : largest;
        if (!std::isfinite(largest)) return;
        if (largest > 0) {
            // Scaled by the largest partial: the squares of large ones could overflow.
            double squares = 0;
            for (const auto& range : ranges_)
                squares += kernels().square_sum(g + range.start, range.count, static_cast<T>(1 / largest));
            const double length = largest * std::sqrt(squares);
            if (length > clip_norm) clipped.clip = static_cast<T>(clip_norm / length);
        }
        const std::vector<Seen> seen = seen_;
        each_range(step_groups_, tasks, [&](int r) { apply(r, clipped, m, v); });
        seen_ = seen;
    }

    void apply(int r, const Update<T>& step, T* m, T* v) {
        const auto& range = ranges_[r];
        seen_[r] = kernels().update(step, machine.theta.data() + range.start, gradients_[0].data() + range.start,
                                    at(m, range.start), at(v, range.start), range.count, !range.is_bias);
        if (!range.is_bias) machine.turn(range.layer, range.panel, range.first, range.end);
    }

    static T* at(T* array, std::size_t start) { return array ? array + start : nullptr; }
    const Kernels<T>& kernels() const { return machine.kernels; }

    void reserve(int slots, int rows, bool keeps_z = false) {
        while (static_cast<int>(blocks_.size()) < slots) blocks_.push_back(nullptr);
        for (int s = 0; s < slots; ++s)
            if (!blocks_[s] || blocks_[s]->rows < rows || (keeps_z && !keeps_z_) || (dropout.is_on() && !drops_))
                blocks_[s] = std::make_unique<Block<T>>(machine.at, std::max(rows, rows_), keeps_z, dropout.is_on());
        keeps_z_ = keeps_z_ || keeps_z;
        drops_ = dropout.is_on();
    }

    void reserve_gradients(int slots) {
        slots_used_ = slots;
        while (static_cast<int>(gradients_.size()) < slots) gradients_.emplace_back(machine.at.size);
    }

    static constexpr int most_slots = 32;

    std::int64_t batch_;
    int rows_;
    std::vector<typename Machine<T>::Range> ranges_;
    std::vector<Seen> seen_;
    std::vector<int> full_groups_, step_groups_;
    std::vector<std::unique_ptr<Block<T>>> blocks_;
    std::vector<Buffer<T>> gradients_;
    std::unique_ptr<Pipeline<T>> pipeline_;
    int slots_used_ = 1;
    bool keeps_z_ = false, drops_ = false, has_long_rows_ = false;
};

}  // namespace pellucid

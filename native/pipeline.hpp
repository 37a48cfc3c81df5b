// Training of networks with one hidden layer, where each core keeps its neurons.
//
// A part is some panels of the hidden layer: it computes their a and d for all samples, and alone reads and writes their
// weights, which so stay in one core's caches. The output layer is light, and every part computes all of it for itself, on
// parameters of its own that stay equal bit by bit. What goes from core to core in a step is the hidden layer's a, once:
// a phase of the pool is
//     the output layer, (2), (3), (4) and the update of this batch; the next batch's samples and their feedforward.
// The number of parts changes who computes what and not a single sum.
#pragma once

#include <algorithm>
#include <memory>

#include "machine.hpp"

namespace pellucid {

// A run of parameters and the optimizer's memory of it; null where the optimizer has none.
template <class T>
struct Run {
    T *theta, *m, *v;
    Run from(std::size_t start) const { return {theta + start, m ? m + start : nullptr, v ? v + start : nullptr}; }
};

template <class T>
inline constexpr std::size_t tile_numbers = 2048;

// The gradient of a run of parameters and the update with it, in tiles that the first cache holds. `spill` is as long as
// all parameters; only rows longer than a tile need it.
template <class T>
Seen fused_step(const Machine<T>& machine, const Block<T>& block, int count, const typename Machine<T>::Range& range,
                const Update<T>& step, const Run<T>& run, T* spill) {
    // Gradient descent alone needs no tile in between. A gradient that is not finite shows in the parameters.
    if (step.optimizer == Optimizer::sgd && !run.m && step.clip == 1 && !(step.l2 > 0) && !(step.l1 > 0) && !range.is_bias) {
        machine.descend(block, count, range, run.theta, step.rate);
        return Seen();
    }
    alignas(64) T tile[tile_numbers<T>];
    Seen seen;
    // Pieces of whole rows that the tile holds.
    const int length = range.end - range.first;
    const std::size_t width = range.is_bias ? range.count : range.count / length;
    int unit = width > tile_numbers<T> ? 1 : static_cast<int>(tile_numbers<T> / width);
    if (machine.at.is_hidden(range.layer) && unit > machine.at.lanes) unit = unit / machine.at.lanes * machine.at.lanes;
    const int pieces = range.is_bias ? 1 : (length + unit - 1) / unit;
    for (int piece = 0; piece < pieces; ++piece) {
        auto own = range;
        const std::size_t from = static_cast<std::size_t>(piece) * unit * width;
        if (!range.is_bias) {
            own.first = range.first + piece * unit;
            own.end = std::min(own.first + unit, range.end);
            own.start = range.start + from;
            own.count = static_cast<std::size_t>(own.end - own.first) * width;
        }
        T* const g = own.count > tile_numbers<T> ? spill + own.start : tile;
        machine.gradient(block, count, own, g, false);
        const Run<T> part = run.from(from);
        const Seen one = machine.kernels.update(step, part.theta, g, part.m, part.v, own.count, !own.is_bias);
        seen.squares += one.squares;
        seen.magnitudes += one.magnitudes;
        seen.finite = seen.finite && one.finite;
    }
    return seen;
}

template <class T>
class Pipeline {
  public:
    Pipeline(Machine<T>& machine, const std::vector<typename Machine<T>::Range>& ranges)
        : machine_(machine), ranges_(ranges) {}

    // One hidden layer of several panels, and an output layer that is light enough to be computed by every core.
    static bool suits(const Layout& at, int block_rows, std::int64_t batch) {
        return at.F == 3 && block_rows >= batch && at.panels(2) > 1 && 8 * at.n[3] <= 2 * at.n[1] + 3 * at.n[3] &&
               static_cast<std::size_t>(at.padded[2]) <= tile_numbers<T>;
    }

    // Forget the batch under way: other samples, another order or other parameters follow.
    void restart() {
        forward_of_ = -1;
        in_step_ = 1;
    }

    // One batch; the samples' next one follows it. Returns Σ share_i L_i.
    double batch(const Samples<T>& samples, std::int64_t first, int count, int batch_size, const Update<T>& step, T* m, T* v,
                 const Dropout& dropout, std::vector<Seen>& seen, const Tasks& tasks) {
        const int parts = std::min(tasks.threads(), machine_.at.panels(2));
        // The σ' that a part left behind are of its own panels.
        const bool is_start = forward_of_ != first || parts != in_step_;
        reserve(parts, batch_size, dropout.is_on(), m, v);
        const std::int64_t next = first + count;
        phase_.samples = &samples;
        phase_.dropout = &dropout;
        phase_.step = step;
        phase_.m = m;
        phase_.v = v;
        phase_.parts = parts;
        phase_.is_start = is_start;
        if (is_start) {
            phase_.coming = {first, count};
            tasks(parts, task_);
        }
        phase_.is_start = false;
        phase_.own = {first, count};
        phase_.coming = {next, static_cast<int>(std::min<std::int64_t>(batch_size, samples.count - next))};
        turn_ = 1 - turn_;
        tasks(parts, task_);
        forward_of_ = next;
        for (std::size_t r = 0; r < ranges_.size(); ++r) seen[r] = parts_[owner(ranges_[r], parts)]->seen[r];
        return parts_[0]->loss;
    }

  private:
    struct Batch {
        std::int64_t first;
        int count;
    };

    // What the parts are told, side by side: what one core writes reaches the others a line at a time.
    struct alignas(64) Phase {
        Batch own, coming;
        const Samples<T>* samples;
        const Dropout* dropout;
        T *m, *v;
        Update<T> step;
        int parts;
        bool is_start;
    };

    // What a part has to itself: a batch's samples, its panels' d, and the output layer with its parameters. The first
    // part's parameters are the network's own.
    struct alignas(64) Part {
        Part(const Layout& at, int rows, bool drops, std::size_t ranges, bool has_output)
            : block(at, rows, false, drops), theta(has_output ? at.size - at.weights[3] : 0), m(theta.size()), v(theta.size()),
              seen(ranges) {}
        Block<T> block;
        Buffer<T> theta, m, v;
        std::vector<Seen> seen;
        double loss = 0;
    };

    struct Task {
        Pipeline& pipeline;
        void operator()(int part) const { pipeline.run(part); }
    };

    int first_panel(int part, int parts) const { return machine_.at.panels(2) * part / parts; }

    int owner(const typename Machine<T>::Range& range, int parts) const {
        int part = 0;
        while (range.layer == 2 && range.panel >= first_panel(part + 1, parts)) ++part;
        return part;
    }

    // One part of a phase.
    void run(int number) {
        const Phase& phase = phase_;
        Part& part = *parts_[number];
        const int panel = first_panel(number, phase.parts), end = first_panel(number + 1, phase.parts);
        if (!phase.is_start) {
            part.block.a[2] = hidden_[turn_].data();
            descend(part, number, panel, end);
        }
        if (phase.coming.count <= 0) return;
        const int count = phase.coming.count;
        machine_.gather(part.block, *phase.samples, phase.coming.first, count, phase.samples->factor(count), Tasks());
        part.block.a[2] = part.block.z[2] = hidden_[1 - turn_].data();
        machine_.feedforward_part(part.block, 2, {0, count, panel, end}, true, *phase.dropout, phase.coming.first);
    }

    // The output layer, (2), (3), (4) and the update.
    void descend(Part& part, int number, int panel, int end) {
        const Layout& at = machine_.at;
        const Phase& phase = phase_;
        const int count = phase.own.count;
        const std::size_t start = at.weights[3];
        const Run<T> network{machine_.theta.data(), phase.m, phase.v};
        const Run<T> output = number ? Run<T>{part.theta.data(), phase.m ? part.m.data() : nullptr, phase.v ? part.v.data() : nullptr}
                                     : network.from(start);
        machine_.output_part(part.block, count, 0, machine_.whole(count), true, true, output.theta, panel, end);
        for (std::size_t r = 0; r < ranges_.size(); ++r) {
            const auto& range = ranges_[r];
            if (range.layer == 2 && (range.panel < panel || range.panel >= end)) continue;
            const Run<T> run = range.layer == 2 ? network.from(range.start) : output.from(range.start - start);
            part.seen[r] = fused_step<T>(machine_, part.block, count, range, phase.step, run, nullptr);
        }
        part.loss = machine_.loss(part.block, count);
    }

    void reserve(int parts, int rows, bool drops, const T* m, const T* v) {
        const Layout& at = machine_.at;
        for (auto& a : hidden_)
            if (!a.size()) a = Buffer<T>(static_cast<std::size_t>(rows) * at.stride[2]);
        while (static_cast<int>(parts_.size()) < parts)
            parts_.push_back(std::make_unique<Part>(at, rows, drops, ranges_.size(), !parts_.empty()));
        // Copies that took no part in the last step are behind.
        for (int number = in_step_; number < parts; ++number) {
            Part& part = *parts_[number];
            const std::size_t start = at.weights[3], bytes = part.theta.size() * sizeof(T);
            std::memcpy(part.theta.data(), machine_.theta.data() + start, bytes);
            if (m) std::memcpy(part.m.data(), m + start, bytes);
            if (v) std::memcpy(part.v.data(), v + start, bytes);
        }
        in_step_ = parts;
    }

    Machine<T>& machine_;
    const std::vector<typename Machine<T>::Range>& ranges_;
    Task task_{*this};
    std::vector<std::unique_ptr<Part>> parts_;
    Buffer<T> hidden_[2];           // a^2 of this batch and of the next, in turn
    int in_step_ = 1;               // parts whose output layers are up to date
    std::int64_t forward_of_ = -1;  // the batch whose a^2 is there
    Phase phase_{};
    int turn_ = 0;
};

}  // namespace pellucid

// Training: whole epochs in one call.
#pragma once

#include <algorithm>
#include <chrono>

#include "descent.hpp"
#include "permutation.hpp"

namespace pellucid {

struct OptimizerSettings {
    Optimizer kind = Optimizer::sgd;
    double momentum = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;  // beta2 is RMSprop's alpha
    bool nesterov = false;
    bool has_first() const { return kind == Optimizer::adam || kind == Optimizer::adamw || (kind == Optimizer::sgd && momentum > 0); }
    bool has_second() const { return kind != Optimizer::sgd; }
};

enum class Ended : int { none, loss, gradient, parameter, stopped };

// What a call of `run` has done: the mean losses of the whole epochs, and what ended it early.
struct Progress {
    std::vector<double> losses;
    Ended problem = Ended::none;
    std::int64_t batch = 0;  // from 1
    double value = 0;
};

// Whether the other cores are of help: a core that another process keeps busy holds every step up, and cores far apart
// may take longer to tell each other than to do the work. From time to time a few steps are taken with them and a few
// without, and company is kept if it gains a tenth; the bits are the same either way.
class Company {
  public:
    explicit Company(const Tasks& together) : together_(together) {}

    const Tasks& next() {
        if (!together_.is_parallel()) return alone_;
        if (--left_ == 0) change();
        return stage_ == Stage::leaving || stage_ == Stage::alone || (stage_ == Stage::settled && is_better_alone_) ? alone_ : together_;
    }

  private:
    using Clock = std::chrono::steady_clock;
    enum class Stage { settled, joining, together, leaving, alone };
    static constexpr int timed = 6, some = 3, settled = 500;  // steps
    static constexpr double waking = 3e-4;                    // seconds until a thread that slept is of use

    void change() {
        const auto now = Clock::now();
        const double took = std::chrono::duration<double>(now - begin_).count();
        begin_ = now;
        switch (stage_) {
            case Stage::settled:
                stage_ = Stage::joining;
                left_ = is_better_alone_ ? some + static_cast<int>(waking / step_) : some;
                break;
            case Stage::joining:
                stage_ = Stage::together;
                left_ = timed;
                break;
            case Stage::together:
                together_took_ = took;
                stage_ = Stage::leaving;
                left_ = some;
                break;
            case Stage::leaving:
                stage_ = Stage::alone;
                left_ = timed;
                break;
            case Stage::alone:
                step_ = took / timed + 1e-7;
                is_better_alone_ = took < 1.1 * together_took_;
                times_alone_ = is_better_alone_ ? std::min(2 * times_alone_, 64) : 1;
                stage_ = Stage::settled;
                left_ = settled * times_alone_;
                break;
        }
    }

    Tasks together_, alone_;
    Stage stage_ = Stage::settled;
    int left_ = 100, times_alone_ = 1;
    bool is_better_alone_ = false;
    double together_took_ = 0, step_ = 1;
    Clock::time_point begin_;
};

template <class T>
class Training {
  public:
    Training(const Kernels<T>& kernels, const Problem<T>& problem, const OptimizerSettings& optimizer,
             const Samples<T>& samples, std::int64_t batch_size, bool shuffle,
             std::uint64_t seed_key, double mean_weight, const std::vector<double>& dropout, const Penalty& penalty, double clip_norm, int threads)
        : optimizer_(optimizer), samples_(samples), batch_size_(std::min(batch_size, samples.count)),
          shuffle_(shuffle && batch_size_ < samples.count), seed_key_(seed_key), penalty_(penalty),
          clip_norm_(clip_norm), threads_(threads), descent_(kernels, problem, batch_size_),
          first_(optimizer.has_first() ? size() : 0), second_(optimizer.has_second() ? size() : 0),
          flat_count_(problem.parameters()) {
        samples_.mean_weight = mean_weight;
        descent_.dropout.rates = dropout;
        descent_.dropout.keys.resize(dropout.size());
        for (Snapshot* snapshot : {&whole_, &before_}) *snapshot = Snapshot(size(), first_.size(), second_.size());
        if (shuffle_) order_.resize(static_cast<std::size_t>(samples_.count));
    }

    // Parameters and the optimizer's memory, in the order of the textbook.
    void load(const T* parameters, const T* first, const T* second, std::int64_t steps) {
        descent_.machine.load(parameters);
        if (first && first_.size()) layout().pack(first, first_.data());
        if (second && second_.size()) layout().pack(second, second_.data());
        steps_ = steps;
        save(whole_);
        save(before_);
    }

    // State of the last whole epoch, or of the one before it.
    std::int64_t unload(bool earlier, T* parameters, T* first, T* second) const {
        const Snapshot& from = earlier ? before_ : whole_;
        layout().unpack(from.theta.data(), parameters);
        if (first && from.first.size()) layout().unpack(from.first.data(), first);
        if (second && from.second.size()) layout().unpack(from.second.data(), second);
        return from.steps;
    }

    // Epochs from number `number` on with these learning rates, until `budget` seconds are over, at least one.
    Progress run(const std::vector<double>& rates, std::int64_t number, double budget, const Poll& poll) {
        const Lease lease(descent_.threads(threads_));
        Company company(lease.tasks());
        Progress progress;
        const auto start = std::chrono::steady_clock::now();
        double since = 0;
        for (std::size_t e = 0; e < rates.size(); ++e) {
            const std::uint64_t key = extend_key(seed_key_, static_cast<std::uint64_t>(number) + e);
            if (shuffle_) permutation_.draw(extend_key(key, 0), order_);
            for (std::size_t l = 2; l < descent_.dropout.rates.size(); ++l) descent_.dropout.keys[l] = extend_key(key, l);
            if (!epoch(rates[e], company, poll, progress)) return progress;
            std::swap(before_, whole_);
            save(whole_);
            since += descent_.machine.operations(samples_.count) + 1e4;
            if (since < 2e7) continue;
            since = 0;
            if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > budget) break;
        }
        return progress;
    }

    std::size_t flat_count() const { return flat_count_; }

  private:
    struct Snapshot {
        Snapshot() = default;
        Snapshot(std::size_t size, std::size_t first_size, std::size_t second_size)
            : theta(size), first(first_size), second(second_size) {}
        Buffer<T> theta, first, second;
        std::int64_t steps = 0;
    };

    void save(Snapshot& to) const {
        to.theta.copy_from(descent_.machine.theta);
        to.first.copy_from(first_);
        to.second.copy_from(second_);
        to.steps = steps_;
    }

    bool epoch(double rate, Company& company, const Poll& poll, Progress& progress) {
        const std::int64_t n = samples_.count;
        double total = 0;
        std::int64_t batch = 0;
        descent_.restart();
        Samples<T> samples = samples_;
        samples.order = shuffle_ ? order_.data() : nullptr;
        for (std::int64_t first = 0; first < n; first += batch_size_) {
            ++batch;
            const int count = static_cast<int>(std::min(batch_size_, n - first));
            const Update<T> step = next_step(rate);
            const auto result = descent_.batch(samples, first, count, &step, data(first_),
                                               data(second_), clip_norm_, penalty_, company.next(), poll);
            if (result.stopped || asks(count, poll)) return ends(progress, Ended::stopped, batch, 0);
            if (!std::isfinite(result.loss)) return ends(progress, Ended::loss, batch, result.loss);
            if (!result.seen.finite) return ends(progress, Ended::gradient, batch, 0);
            total += static_cast<double>(count) / static_cast<double>(n) * result.loss;
        }
        const T* const theta = descent_.machine.theta.data();
        if (!std::isfinite(descent_.machine.kernels.largest(theta, size()))) {
            const T* const first = std::find_if_not(theta, theta + size(), [](T own) { return std::isfinite(own); });
            return ends(progress, Ended::parameter, batch, static_cast<double>(*first));
        }
        progress.losses.push_back(total);
        return true;
    }

    // Asking reads the clock, which costs as much as a small step on some machines: ask after a millisecond's work.
    bool asks(int count, const Poll& poll) {
        unasked_ += descent_.machine.operations(count) + 1e4;
        if (unasked_ < 2e7) return false;
        unasked_ = 0;
        return poll();
    }

    static bool ends(Progress& progress, Ended problem, std::int64_t batch, double value) {
        progress.problem = problem;
        progress.batch = batch;
        progress.value = value;
        return false;
    }

    // The constants of the next step; see optimizers.py.
    Update<T> next_step(double rate) {
        ++steps_;
        const OptimizerSettings& own = optimizer_;
        Update<T> step{};
        step.optimizer = own.kind;
        step.nesterov = own.nesterov;
        step.rate = static_cast<T>(rate);
        step.epsilon = static_cast<T>(own.epsilon);
        step.keep2 = static_cast<T>(own.beta2);
        step.add2 = static_cast<T>(1 - own.beta2);
        step.keep1 = static_cast<T>(own.momentum);
        if (own.kind == Optimizer::adam || own.kind == Optimizer::adamw) {
            const double t = static_cast<double>(steps_);
            step.rate = static_cast<T>(rate / (1 - std::pow(own.beta1, t)));
            step.keep1 = static_cast<T>(own.beta1);
            step.add1 = static_cast<T>(1 - own.beta1);
            step.root_scale = static_cast<T>(1 / std::sqrt(1 - std::pow(own.beta2, t)));
            step.decay = static_cast<T>(rate * own.weight_decay);
        }
        step.l2 = static_cast<T>(penalty_.l2);
        step.l1 = static_cast<T>(penalty_.l1);
        return step;
    }

    const Layout& layout() const { return descent_.machine.at; }
    std::size_t size() const { return descent_.machine.at.size; }
    static T* data(Buffer<T>& buffer) { return buffer.size() ? buffer.data() : nullptr; }

    OptimizerSettings optimizer_;
    Samples<T> samples_;
    std::int64_t batch_size_;
    bool shuffle_;
    std::uint64_t seed_key_;
    Penalty penalty_;
    double clip_norm_;
    int threads_;
    Descent<T> descent_;
    Buffer<T> first_, second_;
    std::int64_t steps_ = 0;
    double unasked_ = 0;
    Snapshot whole_, before_;
    std::size_t flat_count_;
    std::vector<std::int64_t> order_;
    Permutation permutation_;
};

}  // namespace pellucid

// pellucid._native: what Python sees of the engine. Arrays are checked here for what memory safety needs; what they mean
// to a user, and the errors that say so, is Python's part.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "dispatch.hpp"
#include "training.hpp"

namespace nb = nanobind;

namespace pellucid {
namespace {

template <class T, int dimensions>
using Input = nb::ndarray<const T, nb::ndim<dimensions>, nb::device::cpu>;
template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Fresh = nb::ndarray<nb::numpy, const T>;

class Flag {
  public:
    void set() { value_.store(true); }
    bool is_set() const { return value_.load(); }

  private:
    std::atomic<bool> value_{false};
};

// Lets Python's signal handlers run every few hundredths of a second, and keeps what they raise.
class Signals {
  public:
    explicit Signals(const Flag* cancel) : cancel_(cancel), last_(Clock::now()) {}

    bool operator()() {
        if (cancel_ && cancel_->is_set()) return true;
        const auto now = Clock::now();
        if (now - last_ < std::chrono::milliseconds(30)) return false;
        last_ = now;
        const nb::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() == 0) return false;
        raised_.emplace();
        return true;
    }

    void rethrow() const {
        if (raised_) throw nb::python_error(*raised_);
    }
    bool has_raised() const { return raised_.has_value(); }
    nb::object exception() const { return raised_ ? nb::borrow(raised_->value()) : nb::none(); }

  private:
    using Clock = std::chrono::steady_clock;
    const Flag* cancel_;
    Clock::time_point last_;
    std::optional<nb::python_error> raised_;
};

// A float array of one or two dimensions, one sample alone being a batch of one; false if it is anything else.
template <class T>
bool take(const Kernels<T>& kernels, nb::handle object, std::size_t width, Samples<T>& samples, bool targets) {
    nb::ndarray<const T, nb::device::cpu> array;
    if (!nb::try_cast(object, array, false)) return false;
    const std::size_t dimensions = array.ndim();
    if (dimensions < 1 || dimensions > 2 || array.shape(dimensions - 1) != width) return false;
    const std::int64_t count = dimensions == 2 ? static_cast<std::int64_t>(array.shape(0)) : 1;
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(sizeof(T));
    const std::ptrdiff_t row = dimensions == 2 ? array.stride(0) * size : 0, column = array.stride(dimensions - 1) * size;
    const char* const data = reinterpret_cast<const char*>(array.data());
    if (count < 1) return false;
    T odd = 0;
    const std::size_t numbers = static_cast<std::size_t>(count) * width;
    const bool in_line = column == size && (count == 1 || row == static_cast<std::ptrdiff_t>(width) * size) &&
                         reinterpret_cast<std::uintptr_t>(data) % sizeof(T) == 0;
    if (in_line) {
        const T* const first = reinterpret_cast<const T*>(data);
        const std::size_t whole = numbers - numbers % static_cast<std::size_t>(kernels.lanes);
        odd = std::isfinite(kernels.largest(first, whole)) ? T(0) : T(1);
        for (std::size_t i = whole; i < numbers; ++i) odd += first[i] * 0;
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            for (std::size_t k = 0; k < width; ++k) odd += read<T>(data + i * row + static_cast<std::ptrdiff_t>(k) * column) * 0;
    }
    if (!(odd == 0)) return false;
    if (targets) {
        samples.Y = data;
        samples.y_row = row;
        samples.y_column = column;
        return count == samples.count;
    }
    samples.X = data;
    samples.x_row = row;
    samples.x_column = column;
    samples.count = count;
    return true;
}

template <class T>
bool take_weight(nb::handle object, Samples<T>& samples) {
    if (object.is_none()) return true;
    nb::ndarray<const T, nb::ndim<1>, nb::device::cpu> array;
    if (!nb::try_cast(object, array, false)) return false;
    samples.weight = reinterpret_cast<const char*>(array.data());
    samples.weight_step = array.stride(0) * static_cast<std::ptrdiff_t>(sizeof(T));
    return static_cast<std::int64_t>(array.shape(0)) == samples.count;
}

template <class T>
void set_inputs(Samples<T>& samples, const Input<T, 2>& X) {
    samples.X = reinterpret_cast<const char*>(X.data());
    samples.x_row = static_cast<std::ptrdiff_t>(X.stride(0) * static_cast<std::int64_t>(sizeof(T)));
    samples.x_column = static_cast<std::ptrdiff_t>(X.stride(1) * static_cast<std::int64_t>(sizeof(T)));
    samples.count = static_cast<std::int64_t>(X.shape(0));
}

template <class T>
void set_targets(Samples<T>& samples, const Input<T, 2>& Y, const std::optional<Input<T, 1>>& weight) {
    samples.Y = reinterpret_cast<const char*>(Y.data());
    samples.y_row = static_cast<std::ptrdiff_t>(Y.stride(0) * static_cast<std::int64_t>(sizeof(T)));
    samples.y_column = static_cast<std::ptrdiff_t>(Y.stride(1) * static_cast<std::int64_t>(sizeof(T)));
    if (static_cast<std::int64_t>(Y.shape(0)) != samples.count) throw std::invalid_argument("X and Y differ in length");
    if (!weight) return;
    if (static_cast<std::int64_t>(weight->shape(0)) != samples.count)
        throw std::invalid_argument("X and weight differ in length");
    samples.weight = reinterpret_cast<const char*>(weight->data());
    samples.weight_step = static_cast<std::ptrdiff_t>(weight->stride(0) * static_cast<std::int64_t>(sizeof(T)));
}

template <class T>
Problem<T> problem_of(const std::vector<int>& sizes, const std::vector<int>& activations,
                      const std::vector<double>& settings, bool has_bias) {
    if (sizes.size() < 2 || activations.size() + 1 != sizes.size() || settings.size() != activations.size())
        throw std::invalid_argument("sizes, activations and settings do not fit each other");
    Problem<T> problem;
    problem.sizes = sizes;
    problem.has_bias = has_bias;
    problem.activations.assign(2, Activation::identity);
    problem.settings.assign(2, T(0));
    for (const int size : sizes)
        if (size < 1) throw std::invalid_argument("a layer without neurons");
    for (std::size_t l = 0; l < activations.size(); ++l) {
        if (activations[l] < 0 || activations[l] > static_cast<int>(Activation::sine))
            throw std::invalid_argument("unknown activation");
        problem.activations.push_back(static_cast<Activation>(activations[l]));
        problem.settings.push_back(static_cast<T>(settings[l]));
    }
    return problem;
}

Loss loss_of(int loss) {
    if (loss < 0 || loss > static_cast<int>(Loss::binary_cross_entropy)) throw std::invalid_argument("unknown loss");
    return static_cast<Loss>(loss);
}

// Memory that arrays share; the last one of them frees it.
template <class T>
class Arena {
  public:
    explicit Arena(std::size_t count)
        : data_(new T[count ? count : 1]), owner_(data_, [](void* data) noexcept { delete[] static_cast<T*>(data); }) {}
    T* take(std::size_t count) { return data_ + std::exchange(taken_, taken_ + count); }
    nb::object array(const T* from, std::initializer_list<std::size_t> shape) const {
        return Fresh<T>(from, shape, owner_).cast();
    }
    nb::object writable(T* from, std::initializer_list<std::size_t> shape) const {
        return nb::ndarray<nb::numpy, T>(from, shape, owner_).cast();
    }

  private:
    T* data_;
    nb::capsule owner_;
    std::size_t taken_ = 0;
};

// Single calls on a network: outputs, gradients, records.
template <class T>
class Steps {
  public:
    Steps(const std::vector<int>& sizes, const std::vector<int>& activations, const std::vector<double>& settings,
          bool has_bias, const std::string& isa, int threads)
        : kernels_(kernels_of<T>(isa)), problem_(problem_of<T>(sizes, activations, settings, has_bias)),
          threads_(threads), parameters_(problem_.parameters()) {}

    // Each of these returns None, and computes nothing, for arrays of another dtype or shape or with numbers that are
    // not finite: Python then says what is wrong.

    // a^F of every row.
    nb::object forward(const Vector<const T>& parameters, nb::handle X) {
        Samples<T> samples;
        if (!check(parameters) || !take(kernels_, X, inputs(), samples, false)) return nb::none();
        const std::size_t outputs = this->outputs();
        Arena<T> arena(static_cast<std::size_t>(samples.count) * outputs);
        T* const to = arena.take(static_cast<std::size_t>(samples.count) * outputs);
        Signals signals(nullptr);
        {
            const nb::gil_scoped_release released;
            const std::lock_guard<std::mutex> lock(mutex_);
            Descent<T>& descent = descent_for(samples.count);
            Machine<T>& machine = descent.machine;
            machine.load(parameters.data());
            const Lease lease(descent.threads(threads_, 1.0 / 3, false));
            const int rows = descent.rows();
            Block<T>& block = descent.block();
            for (std::int64_t first = 0; first < samples.count; first += rows) {
                const int count = static_cast<int>(std::min<std::int64_t>(rows, samples.count - first));
                machine.gather(block, samples, first, count, 1, lease.tasks());
                machine.feedforward(block, count, false, lease.tasks(), Dropout(), 0);
                machine.output(block, count, false, false, lease.tasks());
                turn_back(block.out_a, block.columns, count, outputs, to + static_cast<std::size_t>(first) * outputs);
                if (signals()) break;
            }
        }
        signals.rethrow();
        return arena.writable(to, {static_cast<std::size_t>(samples.count), outputs});
    }

    // The flat gradient and the loss, with the penalty.
    nb::object gradient(const Vector<const T>& parameters, nb::handle X, nb::handle Y, nb::handle weight, int loss,
                        const std::vector<double>& loss_settings, double l2, double l1) {
        Samples<T> samples;
        if (!check(parameters) || !take(kernels_, X, inputs(), samples, false) || !take(kernels_, Y, outputs(), samples, true) ||
            !take_weight(weight, samples))
            return nb::none();
        Arena<T> arena(parameters_);
        T* const to = arena.take(parameters_);
        typename Descent<T>::Result result;
        Signals signals(nullptr);
        {
            const nb::gil_scoped_release released;
            const std::lock_guard<std::mutex> lock(mutex_);
            Descent<T>& descent = descent_for(samples.count);
            descent.machine.problem.loss = loss_of(loss);
            descent.machine.problem.loss_settings.assign(loss_settings.begin(), loss_settings.end());
            descent.machine.load(parameters.data());
            const Lease lease(descent.threads(threads_, 1, false));
            weigh(samples);
            result = descent.batch(samples, 0, samples.count, nullptr, nullptr, nullptr, 0, {l2, l1},
                                   lease.tasks(), [&] { return signals(); });
            if (!result.stopped) descent.machine.at.unpack(descent.gradient(), to);
        }
        signals.rethrow();
        return nb::make_tuple(arena.writable(to, {parameters_}), result.loss);
    }

    // Everything of the five steps, samples apart: (a by layer, z by layer, d by layer, losses, ∂L_i/∂x_i), and the mean:
    // (flat gradient, loss).
    nb::object record(const Vector<const T>& parameters, nb::handle X, nb::handle Y, nb::handle weight, int loss,
                      const std::vector<double>& loss_settings, double l2, double l1) {
        Samples<T> samples;
        if (!check(parameters) || !take(kernels_, X, inputs(), samples, false) || !take(kernels_, Y, outputs(), samples, true) ||
            !take_weight(weight, samples))
            return nb::none();
        weigh(samples);
        Samples<T> apart = samples;
        apart.weight = nullptr;
        const std::vector<int>& sizes = problem_.sizes;
        const int F = static_cast<int>(sizes.size());
        const std::size_t n = static_cast<std::size_t>(samples.count);
        std::size_t numbers = 1 + 2 * static_cast<std::size_t>(sizes[0]);
        for (int l = 2; l <= F; ++l) numbers += 3 * static_cast<std::size_t>(sizes[l - 1]);
        Arena<T> arena(numbers * n + parameters_);
        std::vector<T*> a(F + 1), z(F + 1), d(F + 1);
        for (int l = 1; l <= F; ++l) {
            const std::size_t count = n * static_cast<std::size_t>(sizes[l - 1]);
            a[l] = arena.take(count);
            z[l] = l > 1 ? arena.take(count) : nullptr;
            d[l] = arena.take(count);  // d[1] is the input gradient
        }
        T* const losses = arena.take(n);
        T* const vector = arena.take(parameters_);
        double total = 0;
        Signals signals(nullptr);
        {
            const nb::gil_scoped_release released;
            const std::lock_guard<std::mutex> lock(mutex_);
            Descent<T>& descent = descent_for(samples.count);
            Machine<T>& machine = descent.machine;
            machine.problem.loss = loss_of(loss);
            machine.problem.loss_settings.assign(loss_settings.begin(), loss_settings.end());
            machine.load(parameters.data());
            const Lease lease(descent.threads(threads_, 1, false));
            // The mean has the same bits as `gradient`: it is computed as there, with the shares already in d.
            total = descent.batch(samples, 0, static_cast<int>(samples.count), nullptr, nullptr, nullptr, 0, {l2, l1},
                                  lease.tasks(), [&] { return signals(); }).loss;
            machine.at.unpack(descent.gradient(), vector);
            Block<T>& block = descent.block(true);
            const Layout& at = machine.at;
            for (std::int64_t first = 0; first < samples.count; first += descent.rows()) {
                const int count = static_cast<int>(std::min<std::int64_t>(descent.rows(), samples.count - first));
                machine.gather(block, apart, first, count, 1, lease.tasks());
                machine.feedforward(block, count, true, lease.tasks(), Dropout(), 0);
                machine.output(block, count, true, true, lease.tasks());
                machine.backpropagate(block, count, lease.tasks());
                const std::size_t row = static_cast<std::size_t>(first);
                for (int l = 1; l < F; ++l) {
                    const std::size_t width = static_cast<std::size_t>(sizes[l - 1]);
                    copy_rows(l > 1 ? block.a[l] : block.x, l > 1 ? at.stride[l] : block.x_stride, count, width, a[l] + row * width);
                    if (l == 1) continue;
                    copy_rows(block.z[l], at.stride[l], count, width, z[l] + row * width);
                    copy_rows(block.d[l], at.stride[l], count, width, d[l] + row * width);
                }
                const std::size_t outputs = static_cast<std::size_t>(sizes[F - 1]);
                turn_back(block.out_z, block.columns, count, outputs, z[F] + row * outputs);
                turn_back(block.out_a, block.columns, count, outputs, a[F] + row * outputs);
                turn_back(block.out_d, block.columns, count, outputs, d[F] + row * outputs);
                std::memcpy(losses + row, block.losses, static_cast<std::size_t>(count) * sizeof(T));
                input_gradient(parameters.data(), d[2] + row * static_cast<std::size_t>(sizes[1]), count,
                               d[1] + row * static_cast<std::size_t>(sizes[0]));
                if (signals()) break;
            }
        }
        signals.rethrow();
        nb::list a_list, z_list, d_list;
        for (int l = 1; l <= F; ++l) {
            const std::size_t width = static_cast<std::size_t>(sizes[l - 1]);
            a_list.append(arena.array(a[l], {n, width}));
            if (l == 1) continue;
            z_list.append(arena.array(z[l], {n, width}));
            d_list.append(arena.array(d[l], {n, width}));
        }
        return nb::make_tuple(a_list, z_list, d_list, arena.array(losses, {n}),
                              arena.array(d[1], {n, static_cast<std::size_t>(sizes[0])}),
                              arena.array(vector, {parameters_}), total);
    }

    // Σ share_i L_i of all samples, without penalty; the losses apart if asked.
    nb::object loss(const Vector<const T>& parameters, nb::handle X, nb::handle Y, nb::handle weight, int loss,
                    const std::vector<double>& loss_settings) {
        Samples<T> samples;
        if (!check(parameters) || !take(kernels_, X, inputs(), samples, false) || !take(kernels_, Y, outputs(), samples, true) ||
            !take_weight(weight, samples))
            return nb::none();
        double total = 0;
        Signals signals(nullptr);
        {
            const nb::gil_scoped_release released;
            const std::lock_guard<std::mutex> lock(mutex_);
            Descent<T>& descent = descent_for(samples.count);
            Machine<T>& machine = descent.machine;
            machine.problem.loss = loss_of(loss);
            machine.problem.loss_settings.assign(loss_settings.begin(), loss_settings.end());
            machine.load(parameters.data());
            const Lease lease(descent.threads(threads_, 1.0 / 3, false));
            weigh(samples);
            const double share = samples.factor(static_cast<int>(samples.count));
            Block<T>& block = descent.block();
            for (std::int64_t first = 0; first < samples.count; first += descent.rows()) {
                const int count = static_cast<int>(std::min<std::int64_t>(descent.rows(), samples.count - first));
                machine.gather(block, samples, first, count, share, lease.tasks());
                machine.feedforward(block, count, false, lease.tasks(), Dropout(), 0);
                machine.output(block, count, true, false, lease.tasks());
                total += machine.loss(block, count);
                if (signals()) break;
            }
        }
        signals.rethrow();
        return nb::float_(total);
    }

  private:
    bool check(const Vector<const T>& parameters) const { return parameters.shape(0) == parameters_; }
    std::size_t inputs() const { return static_cast<std::size_t>(problem_.sizes.front()); }
    std::size_t outputs() const { return static_cast<std::size_t>(problem_.sizes.back()); }

    static void weigh(Samples<T>& samples) {
        if (!samples.weight) return;
        double total = 0;
        for (std::int64_t i = 0; i < samples.count; ++i)
            total += static_cast<double>(read<T>(samples.weight + i * samples.weight_step));
        samples.mean_weight = total / static_cast<double>(samples.count);
    }

    static void copy_rows(const T* from, std::ptrdiff_t stride, int count, std::size_t width, T* to) {
        for (int i = 0; i < count; ++i)
            std::memcpy(to + static_cast<std::size_t>(i) * width, from + i * stride, width * sizeof(T));
    }

    // From [neurons][samples] to [samples][neurons].
    static void turn_back(const T* from, int stride, int count, std::size_t width, T* to) {
        for (int i = 0; i < count; ++i)
            for (std::size_t j = 0; j < width; ++j)
                to[static_cast<std::size_t>(i) * width + j] = from[j * static_cast<std::size_t>(stride) + static_cast<std::size_t>(i)];
    }

    // ∂L_i/∂x_i = (W²)ᵀ d², with W² as it begins the flat parameters.
    void input_gradient(const T* W, const T* d, int count, T* to) const {
        const std::size_t n_1 = static_cast<std::size_t>(problem_.sizes[0]), n_2 = static_cast<std::size_t>(problem_.sizes[1]);
        for (int i = 0; i < count; ++i, d += n_2, to += n_1) {
            for (std::size_t k = 0; k < n_1; ++k) to[k] = 0;
            for (std::size_t j = 0; j < n_2; ++j)
                for (std::size_t k = 0; k < n_1; ++k) to[k] += d[j] * W[j * n_1 + k];
        }
    }

    // Kept from call to call, as long as the number of samples stays the same.
    Descent<T>& descent_for(std::int64_t count) {
        if (!descent_ || count_ != count) {
            descent_ = std::make_unique<Descent<T>>(kernels_, problem_, count);
            count_ = count;
        }
        return *descent_;
    }

    const Kernels<T>& kernels_;
    Problem<T> problem_;
    int threads_;
    std::size_t parameters_;
    std::mutex mutex_;
    std::unique_ptr<Descent<T>> descent_;
    std::int64_t count_ = 0;
};

// A training with the arrays it reads kept alive.
template <class T>
class TrainingHandle {
  public:
    TrainingHandle(const std::vector<int>& sizes, const std::vector<int>& activations,
                   const std::vector<double>& settings, bool has_bias, int loss, const std::vector<double>& loss_settings, int optimizer,
                   const std::vector<double>& constants, bool nesterov, Input<T, 2> X, Input<T, 2> Y,
                   std::optional<Input<T, 1>> weight, double mean_weight, std::int64_t batch_size, bool shuffle,
                   std::uint64_t seed_key, const std::vector<double>& dropout, double l2, double l1, double clip_norm, const std::string& isa,
                   int threads)
        : X_(X), Y_(Y), weight_(weight) {
        Problem<T> problem = problem_of<T>(sizes, activations, settings, has_bias);
        problem.loss = loss_of(loss);
        problem.loss_settings.assign(loss_settings.begin(), loss_settings.end());
        if (optimizer < 0 || optimizer > static_cast<int>(Optimizer::rmsprop) || constants.size() != 5)
            throw std::invalid_argument("unknown optimizer");
        OptimizerSettings own;
        own.kind = static_cast<Optimizer>(optimizer);
        own.momentum = constants[0];
        own.beta1 = constants[1];
        own.beta2 = constants[2];
        own.epsilon = constants[3];
        own.weight_decay = constants[4];
        own.nesterov = nesterov;
        Samples<T> samples;
        set_inputs(samples, X_);
        set_targets(samples, Y_, weight_);
        if (samples.count < 1 || X_.shape(1) != static_cast<std::size_t>(sizes.front()) ||
            Y_.shape(1) != static_cast<std::size_t>(sizes.back()) || batch_size < 1)
            throw std::invalid_argument("X or Y does not fit the network");
        if (!dropout.empty() && dropout.size() != sizes.size() + 1) throw std::invalid_argument("dropout does not fit");
        training_ = std::make_unique<Training<T>>(kernels_of<T>(isa), problem, own, samples, batch_size, shuffle,
                                                  seed_key, mean_weight, dropout, Penalty{l2, l1}, clip_norm, threads);
    }

    void load(const Vector<const T>& parameters, const std::optional<Vector<const T>>& first,
              const std::optional<Vector<const T>>& second, std::int64_t steps) {
        training_->load(pointer(parameters), first ? pointer(*first) : nullptr, second ? pointer(*second) : nullptr, steps);
    }

    std::int64_t unload(bool earlier, Vector<T> parameters, std::optional<Vector<T>> first,
                        std::optional<Vector<T>> second) {
        return training_->unload(earlier, pointer(parameters), first ? pointer(*first) : nullptr,
                                 second ? pointer(*second) : nullptr);
    }

    // (losses of the whole epochs, what ended it, batch, value, exception)
    nb::tuple run(const std::vector<double>& rates, std::int64_t first, double budget, const Flag* cancel) {
        Signals signals(cancel);
        Progress progress;
        {
            const nb::gil_scoped_release released;
            const std::lock_guard<std::mutex> lock(mutex_);
            progress = training_->run(rates, first, budget, [&] { return signals(); });
        }
        return nb::make_tuple(progress.losses, static_cast<int>(progress.problem), progress.batch, progress.value,
                              signals.exception());
    }

  private:
    template <class A>
    auto pointer(const A& array) const {
        if (array.shape(0) != training_->flat_count()) throw std::invalid_argument("another number of parameters");
        return array.data();
    }

    Input<T, 2> X_, Y_;
    std::optional<Input<T, 1>> weight_;
    std::mutex mutex_;
    std::unique_ptr<Training<T>> training_;
};

template <class T>
nb::object evaluate(const std::string& isa, const std::string& name, const Vector<const T>& x) {
    const Kernels<T>& kernels = kernels_of<T>(isa);
    const std::size_t count = x.shape(0), whole = (count + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
    Buffer<T> padded(whole);
    std::memcpy(padded.data(), x.data(), count * sizeof(T));
    Arena<T> arena(whole);
    T* const to = arena.take(whole);
    if (!kernels.evaluate(name.c_str(), padded.data(), to, whole)) throw nb::value_error("no such function");
    return arena.writable(to, {count});
}

// Arithmetic limit in operations per second: fused multiply-adds in registers, on so many threads at once.
template <class T>
double peak(const std::string& isa, int threads) {
    const Kernels<T>& kernels = kernels_of<T>(isa);
    const nb::gil_scoped_release released;
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    std::atomic<std::int64_t> operations{0};
    const auto work = [&] {
        for (int repeat = 0; repeat < 100; ++repeat) operations += static_cast<std::int64_t>(kernels.peak(100000));
    };
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    return static_cast<double>(operations) /
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds for repeating an activation with its slope over an array, for benchmarks.
double time_activation(const std::string& isa, int activation, const Vector<const float>& x, int repeats) {
    const Kernels<float>& kernels = kernels_of<float>(isa);
    const std::size_t count = x.shape(0) / static_cast<std::size_t>(kernels.lanes) * static_cast<std::size_t>(kernels.lanes);
    Buffer<float> z(count), a(count), slope(count);
    std::memcpy(z.data(), x.data(), count * sizeof(float));
    const auto start = std::chrono::steady_clock::now();
    for (int repeat = 0; repeat < repeats; ++repeat)
        kernels.activate(static_cast<Activation>(activation), 0, z.data(), a.data(), slope.data(), count);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class T>
void bind(nb::module_& module, const char* steps, const char* training) {
    nb::class_<Steps<T>>(module, steps)
        .def(nb::init<const std::vector<int>&, const std::vector<int>&, const std::vector<double>&, bool, const std::string&, int>())
        .def("forward", &Steps<T>::forward, nb::arg().noconvert(), nb::arg())
        .def("gradient", &Steps<T>::gradient, nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(),
             nb::arg(), nb::arg(), nb::arg())
        .def("record", &Steps<T>::record, nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(),
             nb::arg(), nb::arg(), nb::arg())
        .def("loss", &Steps<T>::loss, nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg());
    nb::class_<TrainingHandle<T>>(module, training)
        .def(nb::init<const std::vector<int>&, const std::vector<int>&, const std::vector<double>&, bool, int,
                      const std::vector<double>&, int, const std::vector<double>&, bool, Input<T, 2>, Input<T, 2>, std::optional<Input<T, 1>>, double,
                      std::int64_t, bool, std::uint64_t, const std::vector<double>&, double, double, double, const std::string&,
                      int>(),
             nb::arg("sizes"), nb::arg("activations"), nb::arg("settings"), nb::arg("has_bias"), nb::arg("loss"), nb::arg("loss_settings"),
             nb::arg("optimizer"), nb::arg("constants"), nb::arg("nesterov"), nb::arg("X").noconvert(),
             nb::arg("Y").noconvert(), nb::arg("weight").noconvert().none(), nb::arg("mean_weight"), nb::arg("batch_size"),
             nb::arg("shuffle"), nb::arg("seed_key"), nb::arg("dropout"), nb::arg("l2"), nb::arg("l1"), nb::arg("clip_norm"), nb::arg("isa"),
             nb::arg("threads"))
        .def("load", &TrainingHandle<T>::load, nb::arg().noconvert(), nb::arg().noconvert().none(),
             nb::arg().noconvert().none(), nb::arg())
        .def("unload", &TrainingHandle<T>::unload, nb::arg(), nb::arg().noconvert(), nb::arg().noconvert().none(),
             nb::arg().noconvert().none())
        .def("run", &TrainingHandle<T>::run, nb::arg("rates"), nb::arg("first"), nb::arg("budget"),
              nb::arg("cancel").none());
    module.def("evaluate", &evaluate<T>, nb::arg("isa"), nb::arg("name"), nb::arg("x").noconvert());
}

}  // namespace
}  // namespace pellucid

NB_MODULE(_native, module) {
    using namespace pellucid;
    nb::set_leak_warnings(false);  // objects of a daemon thread live when the interpreter ends, and nobody can mend that
    nb::class_<Flag>(module, "Flag").def(nb::init<>()).def("set", &Flag::set).def("is_set", &Flag::is_set);
    bind<float>(module, "Steps32", "Training32");
    bind<double>(module, "Steps64", "Training64");
    module.def("time_activation", &time_activation);
    module.def("peak32", &peak<float>);
    module.def("peak64", &peak<double>);
    module.def("instruction_sets", &supported_names);
    module.def("permutation", [](std::uint64_t key, std::size_t n) {
        std::vector<std::int64_t> order(n);
        Permutation().draw(key, order);
        return order;
    });
}

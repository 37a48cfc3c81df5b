// The five steps on blocks of samples, and what follows from them: outputs, losses, gradients, records.
//
// A block is as many samples as a core's caches hold with all their a, σ' and d. Within a block the work of a phase is
// cut into tasks; a long batch is cut into blocks, and these into slots that sum their gradients apart. All cuts depend
// on the sizes alone, so every sum has one order, whoever computes it.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "layout.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "randomness.hpp"

namespace pellucid {

template <class T>
struct Problem {
    std::vector<int> sizes;
    std::vector<Activation> activations;  // by layer, from index 2
    std::vector<T> settings;
    bool has_bias = true;
    Loss loss = Loss::mse;
    std::vector<T> loss_settings{0};

    // Numbers in the flat order of the textbook.
    std::size_t parameters() const {
        std::size_t count = 0;
        for (std::size_t l = 1; l < sizes.size(); ++l)
            count += static_cast<std::size_t>(sizes[l]) * (static_cast<std::size_t>(sizes[l - 1]) + (has_bias ? 1 : 0));
        return count;
    }
};

// The user's arrays, read in place: strides in bytes, any alignment.
template <class T>
struct Samples {
    const char* X = nullptr;
    std::ptrdiff_t x_row = 0, x_column = 0;
    const char* Y = nullptr;
    std::ptrdiff_t y_row = 0, y_column = 0;
    const char* weight = nullptr;
    std::ptrdiff_t weight_step = 0;
    double mean_weight = 1;
    std::int64_t count = 0;
    const std::int64_t* order = nullptr;

    std::int64_t index(std::int64_t position) const { return order ? order[position] : position; }

    // share_i = w_i times this in a batch of so many.
    double factor(int batch) const { return 1 / (mean_weight * batch); }
};

template <class T>
inline T read(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

struct Dropout {
    std::vector<double> rates;        // by layer, from index 2; empty: none
    std::vector<std::uint64_t> keys;  // by layer, of this epoch
    bool is_on() const { return !rates.empty(); }
};

// Workspace of one block: [samples][neurons] for the hidden layers, [neurons][samples] for the output layer.
template <class T>
struct Block {
    Block(const Layout& at, int rows_, bool keeps_z, bool drops)
        : rows(rows_), columns((rows_ + at.lanes - 1) / at.lanes * at.lanes) {
        const int F = at.F;
        std::size_t size = 0;
        const auto reserve = [&](std::size_t count) {
            const std::size_t start = size;
            size += (count + 15) / 16 * 16;
            return start;
        };
        std::vector<std::size_t> a_at(F + 1), d_at(F + 1), z_at(F + 1);
        int widest = 0;
        for (int l = 1; l < F; ++l) {
            a_at[l] = reserve(static_cast<std::size_t>(rows) * at.stride[l]);
            if (l == 1) continue;
            d_at[l] = reserve(static_cast<std::size_t>(rows) * at.stride[l]);
            if (keeps_z) z_at[l] = reserve(static_cast<std::size_t>(rows) * at.stride[l]);
            widest = at.stride[l] > widest ? at.stride[l] : widest;
        }
        const std::size_t outputs = static_cast<std::size_t>(at.n[F]) * columns;
        const std::size_t turned_at = reserve(static_cast<std::size_t>(at.padded[F - 1]) * columns);
        const std::size_t out_at = reserve(4 * outputs), per_sample_at = reserve(2 * static_cast<std::size_t>(columns));
        const std::size_t mask_at = reserve(drops ? static_cast<std::size_t>(rows) * widest : 0);
        memory = Buffer<T>(size);
        a.assign(F + 1, nullptr);
        d.assign(F + 1, nullptr);
        z.assign(F + 1, nullptr);
        for (int l = 1; l < F; ++l) {
            a[l] = memory.data() + a_at[l];
            if (l == 1) continue;
            d[l] = memory.data() + d_at[l];
            z[l] = keeps_z ? memory.data() + z_at[l] : a[l];
        }
        turned = memory.data() + turned_at;
        out_z = memory.data() + out_at;
        out_a = out_z + outputs;
        y = out_a + outputs;
        out_d = y + outputs;
        share = memory.data() + per_sample_at;
        losses = share + columns;
        mask = memory.data() + mask_at;
    }

    int rows, columns;          // samples, and the same in whole vectors
    Buffer<T> memory;
    std::vector<T*> a, d, z;    // by layer; d first holds σ'; z is a unless it is kept
    T* turned;                  // a^{F-1} with the samples in the lanes
    const T* x = nullptr;       // a^1: a[1], or the user's rows where they lie one after another
    std::ptrdiff_t x_stride = 0;
    T *out_z, *out_a, *y, *out_d;
    T *share, *losses;          // by sample
    T* mask;                    // of dropout
};

template <class T>
class Machine {
  public:
    Machine(const Kernels<T>& kernels_, const Problem<T>& problem_)
        : kernels(kernels_), problem(problem_), at(problem_.sizes, kernels_.lanes, kernels_.tile_vectors, problem_.has_bias), theta(at.size) {
        turned_at.assign(at.F + 1, 0);
        std::size_t size = 0;
        for (int l = 3; l < at.F; ++l) {
            turned_at[l] = size;
            size += static_cast<std::size_t>(at.n[l]) * at.padded[l - 1];
        }
        turned = Buffer<T>(size);
        for (int l = 2; l <= at.F; ++l) multiplications += static_cast<double>(at.n[l]) * at.n[l - 1] * (l > 2 ? 3 : 2);
    }

    void load(const T* flat) {
        at.pack(flat, theta.data());
        turn_all();
    }

    void turn_all() {
        for (int l = 3; l < at.F; ++l)
            for (int p = 0; p < at.panels(l); ++p) turn(l, p, 0, at.n[l - 1]);
    }

    // Floating-point operations of the products in one step.
    double operations(std::int64_t samples) const { return 2 * multiplications * static_cast<double>(samples); }

    // Samples of one block: all of a short batch; else what half a megabyte holds. A batch of several blocks has an
    // even number of them, so that two cores share it evenly.
    int block_rows(std::int64_t count) const {
        double numbers = at.stride[1] + at.padded[at.F - 1] + 4.0 * at.n[at.F];
        for (int l = 2; l < at.F; ++l) numbers += 2.0 * at.stride[l];
        double most = 256 * 1024 / (numbers * sizeof(T));
        most = most < 64 ? 64 : most > 256 ? 256 : most;
        const double work = operations(1) * most;
        if (work > 4e5) most = most * 4e5 / work < 64 ? 64 : most * 4e5 / work;
        if (is_wide()) most = 512;
        if (count <= most) return static_cast<int>(count);
        const std::int64_t blocks = 2 * static_cast<std::int64_t>(std::ceil(static_cast<double>(count) / (2 * most)));
        const std::int64_t rows = (count + blocks - 1) / blocks;
        return static_cast<int>((rows + at.lanes - 1) / at.lanes * at.lanes);
    }

    // Whether cores share the tiles of one block after another, and not whole blocks: sums of gradients apart cost
    // memory and time by the number of parameters.
    bool is_wide() const { return at.size * sizeof(T) > 128 * 1024; }

    // Copy a block's samples, their targets and shares: share_i = w_i · factor, 0 beyond the last.
    void gather(Block<T>& block, const Samples<T>& samples, std::int64_t first, int count, double factor,
                const Tasks& tasks) const {
        place(block, samples, first);
        int groups = static_cast<int>(static_cast<double>(count) * (at.n[1] + at.n[at.F]) / 8192);
        const int vectors = whole(count) / at.lanes;
        groups = groups < 1 ? 1 : groups > vectors ? vectors : groups;
        tasks(groups, [&](int group) { gather_part(block, samples, first, count, factor, group, groups); });
    }

    // Set where a^1 is found.
    void place(Block<T>& block, const Samples<T>& samples, std::int64_t first) const {
        const bool in_place = is_readable_in_place(samples);
        block.x = in_place ? reinterpret_cast<const T*>(samples.X + first * samples.x_row) : block.a[1];
        block.x_stride = in_place ? samples.x_row / static_cast<std::ptrdiff_t>(sizeof(T)) : at.stride[1];
    }

    // Of a block that has its place, the samples of one part.
    void gather_part(const Block<T>& block, const Samples<T>& samples, std::int64_t first, int count, double factor, int part,
                     int parts) const {
        const int n_F = at.n[at.F], vectors = whole(count) / at.lanes;
        const int start = vectors * part / parts * at.lanes, end = vectors * (part + 1) / parts * at.lanes;
        for (int i = start; i < end; ++i) {
            const std::int64_t index = samples.index(first + (i < count ? i : count - 1));
            if (first + i + count < samples.count) prefetch(samples, samples.index(first + i + count));
            if (i < count && block.x == block.a[1])
                copy_row(samples.X + index * samples.x_row, samples.x_column, at.n[1], block.a[1] + static_cast<std::size_t>(i) * at.stride[1]);
            if (!samples.Y) continue;
            const char* y = samples.Y + index * samples.y_row;
            T* to = block.y + i;
            for (int j = 0; j < n_F; ++j, y += samples.y_column, to += block.columns) *to = read<T>(y);
            T share = static_cast<T>(factor);
            if (samples.weight) share = static_cast<T>(read<T>(samples.weight + index * samples.weight_step) * factor);
            block.share[i] = i < count ? share : T(0);
        }
    }

    // Steps 1 and 2 up to layer F - 1.
    void feedforward(Block<T>& block, int count, bool slopes, const Tasks& tasks, const Dropout& dropout,
                     std::int64_t position) const {
        for (int l = 2; l < at.F; ++l) {
            const Cut cut(*this, count, l, at.n[l - 1]);
            tasks(cut.tasks(), [&](int task) { feedforward_part(block, l, cut.region(task), slopes, dropout, position); });
        }
    }

    struct Region {
        int row, rows, panel, panel_end;
    };

    // Layer l, a region of it.
    void feedforward_part(const Block<T>& block, int l, const Region& region, bool slopes, const Dropout& dropout,
                          std::int64_t position) const {
        Product<T> job{};
        job.rows = region.rows;
        job.terms = at.n[l - 1];
        job.s_row = l > 2 ? at.stride[l - 1] : block.x_stride;
        job.S = (l > 2 ? block.a[l - 1] : block.x) + region.row * job.s_row;
        job.s_column = 1;
        job.c_stride = at.stride[l];
        job.start = Start::bias_of_column;
        for (int p = region.panel; p < region.panel_end; ++p) {
            job.columns = job.v_stride = at.panel_width(l, p);
            job.V = theta.data() + at.weights[l] + at.panel_start(l, p, at.n[l - 1]);
            job.C = block.z[l] + static_cast<std::size_t>(region.row) * at.stride[l] + p * at.panel[l];
            job.bias = theta.data() + at.biases[l] + p * at.panel[l];
            kernels.product(job);
        }
        activate(block, l, region, slopes);
        if (dropout.is_on() && dropout.rates[l] > 0) drop(block, l, region, dropout, position);
        // The padding would enter the gradient of the output layer's weights.
        if (l == at.F - 1 && region.panel_end == at.panels(l) && at.padded[l] > at.n[l])
            for (int i = region.row; i < region.row + region.rows; ++i)
                std::memset(block.a[l] + static_cast<std::size_t>(i) * at.stride[l] + at.n[l], 0,
                            static_cast<std::size_t>(at.padded[l] - at.n[l]) * sizeof(T));
    }

    // The rest of step 2, step 3, and (2) for layer F - 1, for each group of samples.
    void output(Block<T>& block, int count, bool losses, bool deltas, const Tasks& tasks) const {
        const int F = at.F, before = F - 1;
        const double work = 4.0 * count * at.n[F] * at.n[before];
        const int vectors = whole(count) / at.lanes;
        int groups = static_cast<int>(work / task_operations);
        groups = groups < 1 ? 1 : groups > vectors ? vectors : groups;
        tasks(groups, [&](int group) {
            const int first = vectors * group / groups * at.lanes, end = vectors * (group + 1) / groups * at.lanes;
            output_part(block, count, first, end, losses, deltas, theta.data() + at.weights[F], 0, before > 1 ? at.panels(before) : 0);
        });
    }

    // Of samples first … end, with these parameters of the output layer; (2) for panels panel … panel_end.
    void output_part(const Block<T>& block, int count, int first, int end, bool losses, bool deltas, const T* parameters,
                     int panel, int panel_end) const {
        const int F = at.F, before = F - 1, n_F = at.n[F];
        const int rows = (end < count ? end : count) - first, stride = at.stride[before];
        const T* a = block.a[before] + static_cast<std::size_t>(first) * stride;
        kernels.transpose(a, stride, block.turned + first, block.columns, rows, at.padded[before]);
        Product<T> job{};
        job.rows = n_F;
        job.columns = end - first;
        job.terms = at.n[before];
        job.S = parameters;
        job.s_row = at.padded[before];
        job.s_column = 1;
        job.V = block.turned + first;
        job.v_stride = block.columns;
        job.C = block.out_z + first;
        job.c_stride = block.columns;
        job.start = Start::bias_of_row;
        job.bias = parameters + (at.biases[F] - at.weights[F]);
        kernels.product(job);
        Output<T> step{};
        step.activation = problem.activations[F];
        step.activation_setting = problem.settings[F];
        step.loss = problem.loss;
        step.loss_settings = problem.loss_settings.data();
        step.loss_setting_count = static_cast<std::ptrdiff_t>(problem.loss_settings.size());
        step.neurons = n_F;
        step.samples = end - first;
        step.stride = block.columns;
        step.z = block.out_z + first;
        step.a = block.out_a + first;
        step.y = losses ? block.y + first : nullptr;
        step.share = block.share + first;
        step.d = deltas ? block.out_d + first : nullptr;
        step.losses = block.losses + first;
        kernels.output(step);
        for (int i = first + rows; losses && i < end; ++i) block.losses[i] = 0;  // infinity times a share of 0 is NaN
        if (deltas && before > 1) {
            Product<T> back{};
            back.rows = rows;
            back.terms = n_F;
            back.S = block.out_d + first;
            back.s_row = 1;
            back.s_column = block.columns;
            back.v_stride = at.padded[before];
            back.c_stride = stride;
            back.finish = Finish::times_old;
            // Panel by panel, as the order of a sum depends on the width of its tile.
            for (int p = panel; p < panel_end; ++p) {
                back.columns = at.panel_width(before, p);
                back.V = parameters + p * at.panel[before];
                back.C = block.d[before] + static_cast<std::size_t>(first) * stride + p * at.panel[before];
                kernels.product(back);  // (2)
            }
        }
    }

    // Step 4 from layer F - 2 down to layer 2.
    void backpropagate(Block<T>& block, int count, const Tasks& tasks) const {
        for (int l = at.F - 2; l >= 2; --l) {
            const Cut cut(*this, count, l, at.n[l + 1]);
            tasks(cut.tasks(), [&](int task) {
                const Region region = cut.region(task);
                Product<T> job{};
                job.rows = region.rows;
                job.terms = at.n[l + 1];
                job.S = block.d[l + 1] + static_cast<std::size_t>(region.row) * at.stride[l + 1];
                job.s_row = at.stride[l + 1];
                job.s_column = 1;
                job.c_stride = at.stride[l];
                job.finish = Finish::times_old;
                for (int p = region.panel; p < region.panel_end; ++p) {
                    job.columns = job.v_stride = at.panel_width(l, p);
                    job.V = turned.data() + turned_at[l + 1] + at.panel_start(l, p, at.n[l + 1]);
                    job.C = block.d[l] + static_cast<std::size_t>(region.row) * at.stride[l] + p * at.panel[l];
                    kernels.product(job);  // (2)
                }
            });
        }
    }

    // A run of parameters that one task of step 5 computes: rows k … k_end of a panel, rows j of the output layer, or
    // the biases of a panel or of the output layer.
    struct Range {
        int layer, panel, first, end;
        bool is_bias;
        std::size_t start, count;
    };

    // Cut the parameters for batches of this many samples.
    std::vector<Range> ranges(std::int64_t samples) const {
        std::vector<Range> found;
        const double rows = static_cast<double>(samples < 512 ? samples : 512);
        for (int l = at.F; l >= 2; --l) {
            const bool hidden = at.is_hidden(l);
            for (int p = 0; p < (hidden ? at.panels(l) : 1); ++p) {
                const int width = hidden ? at.panel_width(l, p) : at.padded[l - 1];
                const int length = hidden ? at.n[l - 1] : at.n[l], unit = hidden ? at.lanes : 1;
                const double per_unit = 2 * rows * width * unit + 20.0 * width * unit;
                int step = static_cast<int>(task_operations / per_unit) * unit;
                step = step < unit ? unit : step;
                const int parts = (length + step - 1) / step;
                step = ((length + parts - 1) / parts + unit - 1) / unit * unit;
                for (int k = 0; k < length; k += step) {
                    const int end = k + step < length ? k + step : length;
                    const std::size_t start = at.weights[l] + (hidden ? at.panel_start(l, p, length) : 0) +
                                              static_cast<std::size_t>(k) * width;
                    found.push_back({l, p, k, end, false, start, static_cast<std::size_t>(end - k) * width});
                }
            }
            for (int p = 0; at.has_bias && p < (hidden ? at.panels(l) : 1); ++p) {
                const int first = hidden ? p * at.panel[l] : 0, width = hidden ? at.panel_width(l, p) : at.padded[l];
                found.push_back({l, p, first, first + width, true, at.biases[l] + first, static_cast<std::size_t>(width)});
            }
        }
        return found;
    }

    // Step 5 for a run of parameters: (3) and (4), summed over the block. `to` is the run's own start.
    void gradient(const Block<T>& block, int count, const Range& range, T* to, bool add) const {
        product_of(block, count, range, to, add ? Start::add : Start::zero, Finish::store, 0);
    }

    // The same run of weights, with plain gradient descent down from where they are.
    void descend(const Block<T>& block, int count, const Range& range, T* to, T rate) const {
        product_of(block, count, range, to, Start::zero, Finish::descend, rate);
    }

    void product_of(const Block<T>& block, int count, const Range& range, T* to, Start start, Finish finish, T rate) const {
        const bool add = start == Start::add;
        const int l = range.layer;
        if (range.is_bias) {
            if (at.is_hidden(l)) {
                kernels.column_sums(block.d[l] + range.first, at.stride[l], count, static_cast<std::ptrdiff_t>(range.count), to, add);  // (4)
                return;
            }
            for (int j = 0; j < at.n[l]; ++j) {
                const T sum = kernels.dot(block.out_d + static_cast<std::size_t>(j) * block.columns, nullptr,
                                          static_cast<std::size_t>(whole(count)));
                to[j] = add ? to[j] + sum : sum;
            }
            for (int j = at.n[l]; j < at.padded[l] && !add; ++j) to[j] = 0;  // the optimizer goes over the padding too
            return;
        }
        Product<T> job{};
        job.terms = count;
        job.start = start;
        job.finish = finish;
        job.rate = rate;
        job.C = to;
        job.rows = range.end - range.first;
        if (at.is_hidden(l)) {
            job.columns = job.c_stride = at.panel_width(l, range.panel);
            job.S = (l > 2 ? block.a[l - 1] : block.x) + range.first;
            job.s_row = 1;
            job.s_column = l > 2 ? at.stride[l - 1] : block.x_stride;
            job.V = block.d[l] + range.panel * at.panel[l];
            job.v_stride = at.stride[l];
        } else {
            job.columns = job.c_stride = at.padded[l - 1];
            job.S = block.out_d + static_cast<std::size_t>(range.first) * block.columns;
            job.s_row = block.columns;
            job.s_column = 1;
            job.V = block.a[l - 1];
            job.v_stride = at.stride[l - 1];
        }
        kernels.product(job);  // (3)
    }

    // Bring the turned copy of a panel's rows k … k_end up to date.
    void turn(int l, int p, int k, int k_end) {
        if (l < 3 || !at.is_hidden(l)) return;
        const int width = at.panel_width(l, p), rows = at.n[l - 1], first = p * at.panel[l];
        const T* from = theta.data() + at.weights[l] + at.panel_start(l, p, rows);
        T* to = turned.data() + turned_at[l];
        for (; k < k_end; k += at.lanes) {
            const int q = k / at.panel[l - 1], to_width = at.panel_width(l - 1, q);
            T* panel = to + at.panel_start(l - 1, q, at.n[l]) + k % at.panel[l - 1];
            const int own_rows = k_end - k < at.lanes ? k_end - k : at.lanes;
            for (int j = first; j < first + width; j += at.lanes) {
                T* rows_to = panel + static_cast<std::size_t>(j) * to_width;
                const T* block_from = from + static_cast<std::size_t>(k) * width + (j - first);
                if (own_rows == at.lanes && j + at.lanes <= at.n[l]) {
                    kernels.transpose(block_from, width, rows_to, to_width, at.lanes, at.lanes);
                } else {
                    const int columns = at.n[l] - j < at.lanes ? at.n[l] - j : at.lanes;
                    for (int c = 0; c < columns; ++c)
                        for (int r = 0; r < own_rows; ++r)
                            rows_to[static_cast<std::size_t>(c) * to_width + r] = block_from[static_cast<std::size_t>(r) * width + c];
                }
            }
        }
    }

    // Σ_i share_i L_i of the block.
    double loss(const Block<T>& block, int count) const {
        return static_cast<double>(kernels.dot(block.losses, block.share, static_cast<std::size_t>(whole(count))));
    }

    int whole(int count) const { return (count + at.lanes - 1) / at.lanes * at.lanes; }

    const Kernels<T>& kernels;
    Problem<T> problem;  // its loss may change between batches
    const Layout at;
    Buffer<T> theta;   // packed
    Buffer<T> turned;  // W^l of layers 3 … F - 1 for equation (2)
    std::vector<std::size_t> turned_at;

    static constexpr double task_operations = 2e5;  // a few microseconds: claiming a task costs a twentieth of that

  private:
    double multiplications = 0;

    // Rows of whole numbers in their order need no copy. The output layer reads rows as vectors and would read beyond
    // the last, so a network without a hidden layer copies them.
    bool is_readable_in_place(const Samples<T>& samples) const {
        const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(sizeof(T));
        return !samples.order && at.F > 2 && samples.x_column == size && samples.x_row % size == 0 &&
               reinterpret_cast<std::uintptr_t>(samples.X) % sizeof(T) == 0;
    }

    // Ask for the row that the next batch has in this one's place: large data come from far away.
    void prefetch(const Samples<T>& samples, std::int64_t index) const {
#if defined(__GNUC__)
        const char* x = samples.X + index * samples.x_row;
        const std::ptrdiff_t bytes = at.n[1] * samples.x_column;
        if (samples.x_column == static_cast<std::ptrdiff_t>(sizeof(T)))
            for (std::ptrdiff_t byte = 0; byte < bytes; byte += 64) __builtin_prefetch(x + byte, 0, 2);
        if (samples.Y) __builtin_prefetch(samples.Y + index * samples.y_row);
#else
        (void)samples, (void)index;
#endif
    }

    static void copy_row(const char* from, std::ptrdiff_t step, int count, T* to) {
        if (count < 16)
            for (int k = 0; k < count; ++k, from += step) to[k] = read<T>(from);
        else if (step == static_cast<std::ptrdiff_t>(sizeof(T)))
            std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
        else
            for (int k = 0; k < count; ++k) to[k] = read<T>(from + k * step);
    }

    // A layer's [samples][neurons] cut into regions of rows and panels.
    struct Cut {
        Cut(const Machine& machine, int count_, int l, int terms) : count(count_), panels(machine.at.panels(l)) {
            const double wanted = 4.0 * count * machine.at.padded[l] * terms / task_operations;
            panel_parts = wanted < 1 ? 1 : wanted > panels ? panels : static_cast<int>(wanted);
            const int tallest = count / (2 * machine.kernels.tile_rows);
            row_parts = static_cast<int>(wanted / panels);
            row_parts = row_parts > tallest ? tallest : row_parts;
            row_parts = row_parts < 1 ? 1 : row_parts;
        }
        int tasks() const { return panel_parts * row_parts; }
        Region region(int task) const {
            const int p = task / row_parts, r = task % row_parts;
            const int row = count * r / row_parts;
            return {row, count * (r + 1) / row_parts - row, panels * p / panel_parts, panels * (p + 1) / panel_parts};
        }
        int count, panels, panel_parts = 1, row_parts = 1;
    };

    void activate(const Block<T>& block, int l, const Region& region, bool slopes) const {
        const int column = region.panel * at.panel[l];
        const int end = region.panel_end == at.panels(l) ? at.padded[l] : region.panel_end * at.panel[l];
        const std::size_t start = static_cast<std::size_t>(region.row) * at.stride[l] + column;
        const bool is_whole = column == 0 && end == at.padded[l];
        const int runs = is_whole ? 1 : region.rows;
        const std::size_t length = is_whole ? static_cast<std::size_t>(region.rows) * at.stride[l] : end - column;
        for (int i = 0; i < runs; ++i) {
            const std::size_t from = start + static_cast<std::size_t>(i) * at.stride[l];
            kernels.activate(problem.activations[l], problem.settings[l], block.z[l] + from, block.a[l] + from,
                             slopes ? block.d[l] + from : nullptr, length);
        }
    }

    // a and σ' of dropped neurons are 0, the others' divided by 1 - rate.
    void drop(const Block<T>& block, int l, const Region& region, const Dropout& dropout, std::int64_t position) const {
        const int column = region.panel * at.panel[l];
        const int end = region.panel_end == at.panels(l) ? at.padded[l] : region.panel_end * at.panel[l];
        const int neurons = (end < at.n[l] ? end : at.n[l]) - column;
        const T kept = T(1) / static_cast<T>(1 - dropout.rates[l]);
        const std::uint64_t threshold = static_cast<std::uint64_t>(std::nearbyint(dropout.rates[l] * 4294967296.0));
        for (int i = region.row; i < region.row + region.rows; ++i) {
            const std::size_t from = static_cast<std::size_t>(i) * at.stride[l] + column;
            T* mask = block.mask + from;
            const std::uint64_t number = static_cast<std::uint64_t>(position + i) * static_cast<std::uint64_t>(at.n[l]) + column;
            for (int j = 0; j < neurons; ++j) mask[j] = bits32(dropout.keys[l], number + j) >= threshold ? kept : T(0);
            kernels.multiply(block.a[l] + from, mask, static_cast<std::size_t>(end - column));
            kernels.multiply(block.d[l] + from, mask, static_cast<std::size_t>(end - column));
        }
    }
};

}  // namespace pellucid

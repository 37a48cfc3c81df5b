// The engine against plain loops, without Python: for machines that are only emulated, and under the sanitizers.
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../dispatch.hpp"
#include "../training.hpp"

using namespace pellucid;

namespace {

int failures = 0;
std::mt19937 generator(1);

void expect(bool holds, const std::string& what) {
    if (holds) return;
    ++failures;
    std::printf("  wrong: %s\n", what.c_str());
}

template <class T>
std::vector<T> normal(std::size_t count) {
    std::normal_distribution<double> draw;
    std::vector<T> numbers(count);
    for (T& number : numbers) number = static_cast<T>(draw(generator));
    return numbers;
}

template <class T>
void test_products(const Kernels<T>& kernels) {
    const double eps = std::numeric_limits<T>::epsilon();
    for (const int rows : {1, 2, 3, 5, 7, 10, 15, 17, 33})
        for (const int vectors : {1, 2, 3, 5})
            for (const int terms : {1, 2, 3, 7, 16, 31, 65})
                for (const bool by_rows : {false, true})
                    for (const Start start : {Start::zero, Start::add, Start::bias_of_column, Start::bias_of_row})
                        for (const bool times_old : {false, true}) {
                            if (times_old && start != Start::zero) continue;
                            const int columns = vectors * kernels.lanes;
                            const auto S = normal<T>(static_cast<std::size_t>(rows * terms)), V = normal<T>(static_cast<std::size_t>(terms * columns));
                            const auto bias = normal<T>(static_cast<std::size_t>(rows + columns));
                            auto C = normal<T>(static_cast<std::size_t>(rows * columns));
                            const auto old = C;
                            Product<T> job{};
                            job.rows = rows;
                            job.columns = job.v_stride = job.c_stride = columns;
                            job.terms = terms;
                            job.S = S.data();
                            job.s_row = by_rows ? terms : 1;
                            job.s_column = by_rows ? 1 : rows;
                            job.V = V.data();
                            job.C = C.data();
                            job.start = start;
                            job.bias = bias.data();
                            job.finish = times_old ? Finish::times_old : Finish::store;
                            kernels.product(job);
                            bool close = true;
                            for (int m = 0; m < rows; ++m)
                                for (int n = 0; n < columns; ++n) {
                                    const std::size_t at = static_cast<std::size_t>(m * columns + n);
                                    double sum = start == Start::add ? static_cast<double>(old[at]) : start == Start::bias_of_column ? static_cast<double>(bias[static_cast<std::size_t>(n)]) : start == Start::bias_of_row ? static_cast<double>(bias[static_cast<std::size_t>(m)]) : 0;
                                    double size = std::fabs(sum);
                                    for (int p = 0; p < terms; ++p) {
                                        const double term = static_cast<double>(S[static_cast<std::size_t>(m * job.s_row + p * job.s_column)]) * static_cast<double>(V[static_cast<std::size_t>(p * columns + n)]);
                                        sum += term;
                                        size += std::fabs(term);
                                    }
                                    const double factor = times_old ? static_cast<double>(old[at]) : 1;
                                    close = close && std::fabs(static_cast<double>(C[at]) - sum * factor) <= 4 * (terms + 2) * eps * size * std::fabs(factor);
                                }
                            expect(close, "product " + std::to_string(rows) + " x " + std::to_string(columns) + " x " + std::to_string(terms));
                        }
}

template <class T>
void test_vectors(const Kernels<T>& kernels) {
    const int lanes = kernels.lanes, columns = 3 * lanes;
    for (const int rows : {lanes, 2 * lanes}) {
        const auto from = normal<T>(static_cast<std::size_t>(rows * columns));
        std::vector<T> to(from.size());
        kernels.transpose(from.data(), columns, to.data(), rows, rows, columns);
        bool same = true;
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < columns; ++c)
                same = same && to[static_cast<std::size_t>(c * rows + r)] == from[static_cast<std::size_t>(r * columns + c)];
        expect(same, "transpose");
        std::vector<T> sums(static_cast<std::size_t>(columns));
        kernels.column_sums(from.data(), columns, rows, columns, sums.data(), false);
        for (int c = 0; c < columns; ++c) {
            double sum = 0;
            for (int r = 0; r < rows; ++r) sum += static_cast<double>(from[static_cast<std::size_t>(r * columns + c)]);
            expect(std::fabs(sum - static_cast<double>(sums[static_cast<std::size_t>(c)])) < 1e-5, "column_sums");
        }
    }
}

template <class T>
void test_functions(const Kernels<T>& kernels) {
    struct Case {
        const char* name;
        long double (*truth)(long double);
        double low, high;
    };
    const Case cases[] = {
        {"exp", expl, -80, 80},        {"expm1", expm1l, -30, 30}, {"log", logl, 1e-30, 100},
        {"log1p", log1pl, -0.999, 50}, {"tanh", tanhl, -12, 12},   {"sin", sinl, -9000, 9000},
        {"cos", cosl, -9000, 9000},    {"sigmoid", [](long double x) { return 1 / (1 + expl(-x)); }, -80, 80},
        {"softplus", [](long double x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }, -80, 80},
        {"normal_cdf", [](long double x) { return 0.5L * erfcl(-x * sqrtl(0.5L)); }, -12, 12},
    };
    const std::size_t count = 4096;
    for (const Case& own : cases) {
        std::uniform_real_distribution<double> draw(own.low, own.high);
        std::vector<T> x(count), y(count);
        for (T& number : x) number = static_cast<T>(draw(generator));
        expect(kernels.evaluate(own.name, x.data(), y.data(), count), own.name);
        double worst = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const long double truth = own.truth(static_cast<long double>(x[i]));
            const long double least = static_cast<long double>(std::numeric_limits<T>::min());
            const long double unit = std::numeric_limits<T>::epsilon() * fmaxl(fabsl(truth), least);
            worst = std::fmax(worst, static_cast<double>(fabsl(static_cast<long double>(y[i]) - truth) / unit));
        }
        expect(worst <= 8, std::string(own.name) + " is off by " + std::to_string(worst) + " eps");
    }
}

template <class T>
std::vector<T> train(const Kernels<T>& kernels, const std::vector<int>& sizes, bool has_bias, std::int64_t n, std::int64_t batch,
                     int epochs, int threads, std::vector<double>& losses) {
    generator.seed(2);
    Problem<T> problem;
    problem.sizes = sizes;
    problem.has_bias = has_bias;
    problem.activations.assign(sizes.size() + 1, Activation::tanh);
    problem.activations.back() = Activation::identity;
    problem.settings.assign(sizes.size() + 1, T(0));
    const auto X = normal<T>(static_cast<std::size_t>(n * sizes.front()));
    std::vector<T> Y(static_cast<std::size_t>(n * sizes.back()));
    for (std::size_t i = 0; i < Y.size(); ++i) Y[i] = std::sin(X[i % X.size()]);
    Samples<T> samples;
    samples.X = reinterpret_cast<const char*>(X.data());
    samples.Y = reinterpret_cast<const char*>(Y.data());
    samples.x_column = samples.y_column = sizeof(T);
    samples.x_row = static_cast<std::ptrdiff_t>(sizeof(T)) * sizes.front();
    samples.y_row = static_cast<std::ptrdiff_t>(sizeof(T)) * sizes.back();
    samples.count = n;
    OptimizerSettings optimizer;
    optimizer.kind = Optimizer::adam;
    optimizer.beta1 = 0.9;
    optimizer.beta2 = 0.999;
    optimizer.epsilon = 1e-8;
    Training<T> training(kernels, problem, optimizer, samples, batch, true, 1, 1, {}, {}, 0, threads);
    auto parameters = normal<T>(training.flat_count());
    for (T& own : parameters) own *= T(0.3);
    training.load(parameters.data(), nullptr, nullptr, 0);
    const auto progress = training.run(std::vector<double>(static_cast<std::size_t>(epochs), 0.01), 1, 1e9, [] { return false; });
    losses = progress.losses;
    std::vector<T> first(parameters.size()), second(parameters.size());
    training.unload(false, parameters.data(), first.data(), second.data());
    return parameters;
}

template <class T>
void test_training(const Kernels<T>& kernels) {
    struct Case {
        std::vector<int> sizes;
        std::int64_t n, batch;
        int epochs;
    };
    for (const Case& own : {Case{{5, 7, 4, 3}, 50, 16, 20}, Case{{4, 33, 17, 2}, 4000, 2000, 3}, Case{{40, 300, 200, 3}, 300, 128, 2},
                            Case{{64, 65, 10}, 205, 32, 5}, Case{{300, 30, 5}, 105, 10, 5}}) {
        for (const bool has_bias : {true, false}) {
            std::vector<double> alone, together;
            const auto one = train(kernels, own.sizes, has_bias, own.n, own.batch, own.epochs, 1, alone);
            const auto four = train(kernels, own.sizes, has_bias, own.n, own.batch, own.epochs, 4, together);
            expect(alone.size() == static_cast<std::size_t>(own.epochs) && alone.back() < alone.front(), "the loss falls");
            expect(one == four && alone == together, "one thread and four give the same bits");
        }
    }
}

}  // namespace

int main() {
    for (const std::string& name : supported_names()) {
        const InstructionSet& set = instruction_set(name);
        const int before = failures;
        test_products(set.single_precision);
        test_products(set.double_precision);
        test_vectors(set.single_precision);
        test_vectors(set.double_precision);
        test_functions(set.single_precision);
        test_functions(set.double_precision);
        test_training(set.single_precision);
        test_training(set.double_precision);
        std::printf("%s: %s\n", name.c_str(), failures == before ? "passed" : "FAILED");
    }
    return failures ? 1 : 0;
}

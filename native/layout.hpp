// Where each weight and bias lies while the engine works.
//
// A hidden layer's weights are kept transposed, in panels of a register tile's width w: panel p holds the neurons
// j = p·w … p·w + w - 1 side by side, row k below row k - 1. A layer of one panel over many rows is kept in two narrower
// ones, for two cores. Feedforward and the gradient with the optimizer's update
// stream through a panel from its first number to its last. For equation (2) a second copy lies the other way round
// (layers 3 … F - 1; layer 2 needs no delta below it). The output layer is kept as in the textbook, row by row, since
// there the samples lie in the lanes. Every row is padded with zeros to whole vectors, and the padding stays zero:
// its gradient and its update are zero. A network without biases keeps their places too, as zeros that nothing changes:
// every step is then the same.
#pragma once

#include <cstddef>
#include <vector>

namespace pellucid {

struct Layout {
    int F = 0;                  // layers, counted from 1 as in the textbook
    int lanes = 1;              // numbers in a vector
    bool has_bias = true;       // whether the flat order has biases
    std::vector<int> panel;     // numbers in a row of a panel of layer l
    std::vector<int> n;         // n[l]
    std::vector<int> padded;    // n[l] in whole vectors
    std::vector<int> stride;    // of the rows of a^l and d^l
    std::vector<std::size_t> weights, biases;  // where they start
    std::size_t size = 0;       // numbers in all

    static constexpr int two_cores = 8192;  // weights that are worth it

    Layout() = default;

    Layout(const std::vector<int>& sizes, int lanes_, int tile_vectors, bool has_bias_)
        : F(static_cast<int>(sizes.size())), lanes(lanes_), has_bias(has_bias_) {
        n.assign(1, 0);
        n.insert(n.end(), sizes.begin(), sizes.end());
        panel.assign(F + 1, lanes * tile_vectors);
        padded.assign(F + 1, 0);
        stride.assign(F + 1, 0);
        weights.assign(F + 1, 0);
        biases.assign(F + 1, 0);
        for (int l = 1; l <= F; ++l) {
            padded[l] = (n[l] + lanes - 1) / lanes * lanes;
            // Rows a power of two apart would share a few sets of the first cache.
            stride[l] = padded[l] % 256 == 0 ? padded[l] + lanes : padded[l];
        }
        for (int l = 2; l <= F; ++l) {
            const int vectors = padded[l] / lanes;
            if (vectors > 1 && vectors <= tile_vectors && n[l - 1] * padded[l] >= two_cores) panel[l] = (vectors + 1) / 2 * lanes;
            weights[l] = size;
            size += weight_size(l);
            biases[l] = size;
            size += static_cast<std::size_t>(padded[l]);
        }
    }

    bool is_hidden(int l) const { return l < F; }

    std::size_t weight_size(int l) const {
        return is_hidden(l) ? static_cast<std::size_t>(n[l - 1]) * padded[l] : static_cast<std::size_t>(n[l]) * padded[l - 1];
    }

    // Panels over the neurons of layer l.
    int panels(int l) const { return (padded[l] + panel[l] - 1) / panel[l]; }
    int panel_width(int l, int p) const { return p + 1 < panels(l) ? panel[l] : padded[l] - p * panel[l]; }
    std::size_t panel_start(int l, int p, int rows) const { return static_cast<std::size_t>(p) * panel[l] * rows; }

    // w_jk^l from 0, within the packed numbers.
    std::size_t weight(int l, int j, int k) const {
        if (!is_hidden(l)) return weights[l] + static_cast<std::size_t>(j) * padded[l - 1] + k;
        const int p = j / panel[l];
        return weights[l] + panel_start(l, p, n[l - 1]) + static_cast<std::size_t>(k) * panel_width(l, p) + j % panel[l];
    }

    // Between the order of the textbook (W^2 row by row, b^2, W^3, …; or only the weights) and the engine's.
    template <class T>
    void pack(const T* flat, T* packed) const {
        for (int l = 2; l <= F; ++l) {
            for (int j = 0; j < n[l]; ++j) {
                if (is_hidden(l)) {
                    const int width = panel_width(l, j / panel[l]);
                    T* to = packed + weight(l, j, 0);
                    for (int k = 0; k < n[l - 1]; ++k) to[static_cast<std::size_t>(k) * width] = flat[k];
                } else {
                    T* to = packed + weight(l, j, 0);
                    for (int k = 0; k < n[l - 1]; ++k) to[k] = flat[k];
                }
                flat += n[l - 1];
            }
            if (!has_bias) continue;
            for (int j = 0; j < n[l]; ++j) packed[biases[l] + j] = flat[j];
            flat += n[l];
        }
    }

    template <class T>
    void unpack(const T* packed, T* flat) const {
        for (int l = 2; l <= F; ++l) {
            for (int j = 0; j < n[l]; ++j) {
                const T* from = packed + weight(l, j, 0);
                const std::size_t step = is_hidden(l) ? panel_width(l, j / panel[l]) : 1;
                for (int k = 0; k < n[l - 1]; ++k) flat[k] = from[k * step];
                flat += n[l - 1];
            }
            if (!has_bias) continue;
            for (int j = 0; j < n[l]; ++j) flat[j] = packed[biases[l] + j];
            flat += n[l];
        }
    }
};

}  // namespace pellucid

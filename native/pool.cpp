#include "pool.hpp"

#if defined(_WIN32)
#include <process.h>
#define PELLUCID_PROCESS_ID _getpid()
#else
#include <unistd.h>
#define PELLUCID_PROCESS_ID getpid()
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace pellucid {
namespace {

constexpr int task_bits = 20;
constexpr std::uint64_t task_mask = (1u << task_bits) - 1;
constexpr int spins = 20000;  // some 50 to 200 microseconds: longer than the serial part of a step, shorter than anyone notices

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace

Pool* Pool::try_borrow(int threads) {
    // Never destroyed: its threads may outlive every static object. A forked child has none of them and starts anew.
    static std::mutex guard;
    static Pool* shared = nullptr;
    static int owner = 0;
    if (threads < 2) return nullptr;
    std::unique_lock<std::mutex> lock(guard, std::try_to_lock);
    if (!lock) return nullptr;
    const int self = static_cast<int>(PELLUCID_PROCESS_ID);
    if (!shared || owner != self) {
        shared = new Pool;
        owner = self;
    }
    if (shared->lent_.exchange(true, std::memory_order_acquire)) return nullptr;
    shared->grow(threads);
    return shared;
}

void Pool::give_back() { lent_.store(false, std::memory_order_release); }

void Pool::grow(int threads) {
    while (static_cast<int>(workers_.size()) + 1 < threads) workers_.emplace_back([this] { work(); });
}

Pool::~Pool() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

// Run one task if there is one to claim.
bool Pool::claim_and_run() {
    std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    while ((ticket & task_mask) < ((ticket >> task_bits) & task_mask)) {
        if (ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            task_(context_, static_cast<int>(ticket & task_mask));
            done_.fetch_add(1, std::memory_order_release);
            return true;
        }
    }
    return false;
}

void Pool::work() {
    int idle = 0;
    for (;;) {
        if (claim_and_run()) {
            idle = 0;
            continue;
        }
        if (++idle < spins) {
            relax();
            continue;
        }
        idle = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [this] {
            const std::uint64_t ticket = ticket_.load();
            return stop_ || (ticket & task_mask) < ((ticket >> task_bits) & task_mask);
        });
        sleeping_.fetch_sub(1);
        if (stop_) return;
    }
}

void Pool::run(int count, Task task, void* context) {
    // More tasks than a ticket can count go in several phases.
    if (count > static_cast<int>(task_mask)) {
        for (int task_number = 0; task_number < count; ++task_number) task(context, task_number);
        return;
    }
    task_ = task;
    context_ = context;
    done_.store(0, std::memory_order_relaxed);
    const std::uint64_t phase = (ticket_.load(std::memory_order_relaxed) >> (2 * task_bits)) + 1;
    ticket_.store(phase << (2 * task_bits) | static_cast<std::uint64_t>(count) << task_bits);
    if (sleeping_.load() > 0) {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }
    while (claim_and_run()) {
    }
    while (done_.load(std::memory_order_acquire) != count) relax();
}

}  // namespace pellucid

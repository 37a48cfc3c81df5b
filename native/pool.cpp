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

// How often a thread looks for work before it sleeps: some 100 microseconds, longer than the serial part of a step and
// shorter than anyone notices.
constexpr int looks = 4000;

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace

Pool::Pool() : shares_(new Share[most_threads]) {}

Pool* Pool::try_borrow(int threads) {
    // Never destroyed: its threads may outlive every static object. A forked child has none of them and starts anew.
    static std::mutex guard;
    static Pool* shared = nullptr;
    static int owner = 0;
    if (threads < 2) return nullptr;
    const std::unique_lock<std::mutex> lock(guard, std::try_to_lock);
    if (!lock) return nullptr;
    const int self = static_cast<int>(PELLUCID_PROCESS_ID);
    if (!shared || owner != self) {
        shared = new Pool;
        owner = self;
    }
    if (shared->lent_.exchange(true, std::memory_order_acquire)) return nullptr;
    shared->grow(threads < most_threads ? threads : most_threads);
    return shared;
}

void Pool::give_back() { lent_.store(false, std::memory_order_release); }

void Pool::grow(int threads) {
    while (static_cast<int>(workers_.size()) + 1 < threads) {
        const int self = static_cast<int>(workers_.size()) + 1;
        workers_.emplace_back([this, self] { work(self); });
    }
    threads_.store(threads);
}

bool Pool::has_task(int share) const {
    const std::uint64_t ticket = shares_[share].ticket.load();
    return (ticket & task_mask) < ((ticket >> task_bits) & task_mask);
}

// Run one task of a share if there is one to claim.
bool Pool::claim_and_run(int share) {
    std::atomic<std::uint64_t>& own = shares_[share].ticket;
    std::uint64_t ticket = own.load(std::memory_order_acquire);
    while ((ticket & task_mask) < ((ticket >> task_bits) & task_mask)) {
        if (own.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            task_(context_, static_cast<int>(ticket & task_mask));
            done_.fetch_add(1, std::memory_order_release);
            return true;
        }
    }
    return false;
}

void Pool::work(int self) {
    int idle = 0;
    for (;;) {
        const int threads = threads_.load(std::memory_order_relaxed);
        bool found = false;
        if (self < threads)
            for (int other = 0; other < threads && !found; ++other) found = claim_and_run((self + other) % threads);
        if (found) {
            idle = 0;
            continue;
        }
        if (++idle < looks) {
            relax();
            continue;
        }
        idle = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return self < threads_.load() && has_task(self); });
        sleeping_.fetch_sub(1);
    }
}

void Pool::run(int count, Task task, void* context) {
    const int threads = threads_.load(std::memory_order_relaxed);
    if (count >= static_cast<int>(task_mask)) {  // more than a ticket counts
        for (int number = 0; number < count; ++number) task(context, number);
        return;
    }
    task_ = task;
    context_ = context;
    done_.store(0, std::memory_order_relaxed);
    ++phase_;
    for (int share = threads - 1; share >= 0; --share) {
        const auto bound = [&](int which) {
            return static_cast<std::uint64_t>(static_cast<std::int64_t>(count) * which / threads);
        };
        shares_[share].ticket.store(phase_ << (2 * task_bits) | bound(share + 1) << task_bits | bound(share));
    }
    if (sleeping_.load() > 0) {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }
    for (int share = 0; share < threads;)
        if (!claim_and_run(share)) ++share;
    while (done_.load(std::memory_order_acquire) != count) relax();
}

}  // namespace pellucid

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

constexpr int task_bits = 20, thread_bits = 7;
constexpr std::uint64_t task_mask = (1u << task_bits) - 1, thread_mask = (1u << thread_bits) - 1;
constexpr std::uint64_t phase_mask = ~std::uint64_t{0} >> (task_bits + thread_bits);

// How often a thread looks for work before it sleeps: some 100 microseconds, longer than the serial part of a step and
// shorter than anyone notices.
constexpr int looks = 4000;

// How often before it helps another.
constexpr int patience = 20;

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace

Pool::Pool() : shares_(new Share[most_threads]), counts_(new Count[most_threads]) {}

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
    threads_ = threads;
    // Numbers of phases come round again: no ticket may be left behind by half of them.
    for (int share = 0; share < most_threads; ++share)
        shares_[share].ticket.store((phase_ & phase_mask) << task_bits | task_mask, std::memory_order_relaxed);
}

// Claim the next task of a share in the phase of this word.
bool Pool::claim(int share, std::uint64_t word, int& task) {
    const std::uint64_t phase = word >> (task_bits + thread_bits), threads = word >> task_bits & thread_mask;
    const std::uint64_t count = word & task_mask, which = static_cast<std::uint64_t>(share);
    const std::uint64_t begin = count * which / threads, end = count * (which + 1) / threads;
    if (begin == end) return false;
    std::atomic<std::uint64_t>& own = shares_[share].ticket;
    std::uint64_t ticket = own.load(std::memory_order_relaxed);
    for (;;) {
        const std::uint64_t since = (phase - (ticket >> task_bits)) & phase_mask;  // half of them: the ticket is of a later one
        const std::uint64_t next = since ? begin : ticket & task_mask;
        if (since > phase_mask / 2 || next >= end) return false;
        // What the task needs came with the announcement, and what it did goes with the count: the order is free here.
        if (!own.compare_exchange_weak(ticket, phase << task_bits | (next + 1), std::memory_order_relaxed)) continue;
        task = static_cast<int>(next);
        return true;
    }
}

// Run what is left of a share; returns how many tasks that were.
int Pool::run_share(int share, std::uint64_t word) {
    int done = 0, task;
    // A claimed task keeps its phase from ending, so the post is still this phase's.
    for (; claim(share, word, task); ++done) post_.task(post_.context, task);
    return done;
}

// Run the thread's own share; and those of others that are late, looking after a while only, since to look is to hold
// them up.
void Pool::run_shares(int self, std::uint64_t word) {
    std::atomic<std::uint64_t>& done = counts_[self].done;
    const auto add = [&](int tasks) { done.store(done.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(tasks), std::memory_order_release); };
    if (const int tasks = run_share(self, word)) add(tasks);
    for (int look = 0; look < patience; ++look) {
        if (self ? post_.word.load(std::memory_order_relaxed) != word : is_done()) return;
        relax();
    }
    const int threads = static_cast<int>(word >> task_bits & thread_mask);
    for (int other = self + 1; other < self + threads; ++other)
        if (const int tasks = run_share(other < threads ? other : other - threads, word)) add(tasks);
}

bool Pool::is_done() const {
    std::uint64_t done = 0;
    for (std::size_t thread = 0; thread <= workers_.size(); ++thread) done += counts_[thread].done.load(std::memory_order_acquire);
    return done == announced_;
}

void Pool::work(int self) {
    int idle = 0;
    std::uint64_t seen = 0;
    for (;;) {
        const std::uint64_t word = post_.word.load(std::memory_order_acquire);
        if (word != seen) {
            seen = word;
            if (self < static_cast<int>(word >> task_bits & thread_mask)) run_shares(self, word);
            idle = 0;
            continue;
        }
        if (++idle < looks) {
            relax();
            continue;
        }
        idle = 0;
        // Announced just now and not seen here: the others do the work, and the next announcement wakes.
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return post_.word.load(std::memory_order_relaxed) != seen; });
        sleeping_.fetch_sub(1);
    }
}

void Pool::run(int count, Task task, void* context) {
    if (count >= static_cast<int>(task_mask)) {  // more than a ticket counts
        for (int number = 0; number < count; ++number) task(context, number);
        return;
    }
    ++phase_;
    announced_ += static_cast<std::uint64_t>(count);
    post_.task = task;
    post_.context = context;
    const std::uint64_t word = (phase_ & phase_mask) << (task_bits + thread_bits) |
                               static_cast<std::uint64_t>(threads_) << task_bits | static_cast<std::uint64_t>(count);
    post_.word.store(word, std::memory_order_release);
    if (sleeping_.load(std::memory_order_relaxed) > 0) {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }
    run_shares(0, word);
    while (!is_done()) relax();
}

}  // namespace pellucid

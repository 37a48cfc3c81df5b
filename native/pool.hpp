// A pool of threads for work of microseconds.
//
// A phase is a number of tasks. Each thread begins with a share of its own, the same share of every phase with as many
// tasks, so that what it wrote is still in its caches; then it helps the others. A task is claimed by whoever comes
// first: the calling thread alone finishes a phase if no other thread runs, so a busy machine costs no waiting. What a
// task computes depends on its number and never on who claims it, nor on how many threads there are.
//
// A phase costs what two cache lines cost on their way: the one that announces it, and the one that says that a thread's
// tasks are done. Everything else is written by one thread alone unless somebody helps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace pellucid {

class Pool {
  public:
    using Task = void (*)(void* context, int task);

    // The process's pool, lent to one caller at a time: null while another has it, or if one thread is all that is
    // asked for.
    static Pool* try_borrow(int threads);
    void give_back();
    int threads() const { return threads_; }

    // Run tasks 0 … count - 1 and return when all are done.
    void run(int count, Task task, void* context);

  private:
    static constexpr int most_threads = 64;

    // What is announced: phase (37 bits) | threads (7) | tasks (20) in one word, and what a task does.
    struct alignas(64) Post {
        std::atomic<std::uint64_t> word{0};
        Task task = nullptr;
        void* context = nullptr;
    };

    // The last task claimed of a thread's share: phase (44 bits) | next task (20). A ticket of an earlier phase is a share
    // that nobody has begun, so nobody has to hand tickets out.
    struct alignas(64) Share {
        std::atomic<std::uint64_t> ticket{0};
    };

    // Tasks that a thread has done in its life.
    struct alignas(64) Count {
        std::atomic<std::uint64_t> done{0};
    };

    Pool();
    void grow(int threads);
    void work(int self);
    bool claim(int share, std::uint64_t word, int& task);
    int run_share(int share, std::uint64_t word);
    void run_shares(int self, std::uint64_t word);
    bool is_done() const;

    Post post_;
    std::unique_ptr<Share[]> shares_;
    std::unique_ptr<Count[]> counts_;
    alignas(64) std::atomic<int> sleeping_{0};
    std::atomic<bool> lent_{false};
    int threads_ = 1;
    std::uint64_t phase_ = 0, announced_ = 0;  // tasks announced in the pool's life
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::thread> workers_;
};

// Tasks for one step: on a pool, or one after the other without.
class Tasks {
  public:
    explicit Tasks(Pool* pool = nullptr) : pool_(pool) {}

    template <class F>
    void operator()(int count, F&& f) const {
        if (!pool_ || count == 1) {
            for (int task = 0; task < count; ++task) f(task);
            return;
        }
        using Body = std::remove_reference_t<F>;
        pool_->run(count, [](void* body, int task) { (*static_cast<Body*>(body))(task); }, &f);
    }

    int threads() const { return pool_ ? pool_->threads() : 1; }
    bool is_parallel() const { return pool_ != nullptr; }

  private:
    Pool* pool_;
};

}  // namespace pellucid

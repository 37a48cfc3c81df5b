// A pool of threads for work of microseconds.
//
// A phase is a number of tasks, claimed one at a time by whoever is there: the calling thread alone finishes a phase if
// no other thread runs, so a busy machine costs no waiting. What a task computes depends on its number and never on who
// claims it, nor on how many threads there are.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace pellucid {

class Pool {
  public:
    using Task = void (*)(void* context, int task);

    // A pool lent to one caller at a time: `try_borrow` gives null while another caller has it.
    static Pool* try_borrow(int threads);
    void give_back();

    int threads() const { return static_cast<int>(workers_.size()) + 1; }

    // Run tasks 0 … count - 1 and return when all are done.
    void run(int count, Task task, void* context);

    ~Pool();

  private:
    Pool() = default;
    void grow(int threads);
    void work();
    bool claim_and_run();

    // phase (24 bits) | tasks (20 bits) | next task (20 bits), in one word, so that a claim cannot be of another phase.
    alignas(64) std::atomic<std::uint64_t> ticket_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<bool> lent_{false};
    std::atomic<int> sleeping_{0};
    Task task_ = nullptr;
    void* context_ = nullptr;
    bool stop_ = false;
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

    bool is_parallel() const { return pool_ != nullptr; }

  private:
    Pool* pool_;
};

}  // namespace pellucid

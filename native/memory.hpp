// Aligned memory for numbers, zero at the start.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace pellucid {

template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t count)
        : data_(static_cast<T*>(::operator new((count ? count : 1) * sizeof(T), alignment))), count_(count) {
        std::memset(static_cast<void*>(data_), 0, count * sizeof(T));
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~Buffer() {
        if (data_) ::operator delete(data_, alignment);
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }
    std::size_t size() const { return count_; }
    void copy_from(const Buffer& other) { std::memcpy(data_, other.data_, count_ * sizeof(T)); }

  private:
    static constexpr std::align_val_t alignment{64};
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace pellucid

package dev.graft.trainer.kernels.cuda;

import java.lang.foreign.MemorySegment;

/** Runs of bytes from the host to the card and back, of any length, through pinned memory. */
final class Transfers {

  private final CudaDevice device;
  private final PinnedMemory pinned;

  Transfers(CudaDevice device, PinnedMemory pinned) {
    this.device = device;
    this.pinned = pinned;
  }

  /** Copies to the card; the host's bytes may change as soon as this returns. */
  void toDevice(MemorySegment from, long to) {
    for (long done = 0; done < from.byteSize(); ) {
      long count = Math.min(PinnedMemory.HALF, from.byteSize() - done);
      MemorySegment room = pinned.take(count);
      MemorySegment.copy(from, done, room, 0, count);
      device.driver().copyToDevice(to + done, room, count, device.stream());
      done += count;
    }
  }

  /** Copies to the host, once all that the card was asked for before is done. */
  void toHost(long from, MemorySegment to) {
    for (long done = 0; done < to.byteSize(); ) {
      long count = Math.min(PinnedMemory.HALF, to.byteSize() - done);
      MemorySegment room = pinned.take(count);
      device.driver().copyToHost(room, from + done, count, device.stream());
      device.driver().synchronize(device.stream());
      MemorySegment.copy(room, 0, to, done, count);
      done += count;
    }
  }
}

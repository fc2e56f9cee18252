package dev.graft.modelio.hub;

/** Told how a download goes on; calls come from the downloading thread, a few a second. */
@FunctionalInterface
public interface DownloadProgress {
  /** Tells nobody. */
  DownloadProgress SILENT = (file, done, total) -> {};

  /**
   * Some bytes have come.
   *
   * @param file the file that is coming
   * @param done bytes that have come, of all files together
   * @param total bytes of all files together
   */
  void update(String file, long done, long total);
}

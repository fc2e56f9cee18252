package dev.graft.modelio.djl;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import org.jspecify.annotations.Nullable;

/** Tells DJL of the engine; found through {@link java.util.ServiceLoader}. */
public final class GraftEngineProvider implements EngineProvider {
  /** Behind every engine that others bring: graft computes two model classes, by name. */
  private static final int RANK = 50;

  private @Nullable GraftEngine engine;

  /**
   * Switches DJL's telemetry and downloads off, unless the user has decided. DJL makes its
   * providers before its first connection, so that this comes in time.
   */
  public GraftEngineProvider() {
    if (System.getProperty("ai.djl.offline") == null
        && System.getProperty("offline") == null
        && System.getenv("DJL_OFFLINE") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
  }

  @Override
  public String getEngineName() {
    return GraftEngine.NAME;
  }

  @Override
  public int getEngineRank() {
    return RANK;
  }

  @Override
  public synchronized Engine getEngine() {
    if (engine == null) {
      engine = new GraftEngine(RANK);
    }
    return engine;
  }
}

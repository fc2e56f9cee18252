package dev.graft.modelio.djl;

import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import dev.graft.modelio.hub.HubCache;
import java.net.URI;
import java.util.Set;

/**
 * Makes {@code hf://org/name} an address that DJL understands: {@code
 * Criteria.optModelUrls("hf://org/name")}. Found through {@link java.util.ServiceLoader}.
 */
public final class CheckpointRepositoryFactory implements RepositoryFactory {
  @Override
  public Repository newInstance(String name, URI uri) {
    return new CheckpointRepository(name, uri, HubCache.ofEnvironment());
  }

  @Override
  public Set<String> getSupportedScheme() {
    return Set.of("hf");
  }
}

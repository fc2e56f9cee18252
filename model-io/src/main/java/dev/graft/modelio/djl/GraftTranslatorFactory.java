package dev.graft.modelio.djl;

import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import ai.djl.util.passthrough.PassthroughTranslator;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Set;

/**
 * What a predictor of the graft engine can be asked: token ids to logits ({@code NDList} to {@code
 * NDList}), and text to the text that continues it ({@code String} to {@code String}).
 *
 * <p>DJL finds it by itself for {@code hf://} models. For {@code optModelPath} name it, where text
 * is wanted: {@code .optTranslatorFactory(new GraftTranslatorFactory())}.
 */
public final class GraftTranslatorFactory implements TranslatorFactory {
  private static final Pair<Type, Type> LOGITS = new Pair<>(NDList.class, NDList.class);
  private static final Pair<Type, Type> TEXT = new Pair<>(String.class, String.class);

  @Override
  public Set<Pair<Type, Type>> getSupportedTypes() {
    return Set.of(LOGITS, TEXT);
  }

  @Override
  @SuppressWarnings("unchecked")
  public <I, O> Translator<I, O> newInstance(
      Class<I> input, Class<O> output, Model model, Map<String, ?> arguments) {
    if (LOGITS.equals(new Pair<Type, Type>(input, output))) {
      return (Translator<I, O>) new NoopTranslator();
    }
    if (TEXT.equals(new Pair<Type, Type>(input, output))) {
      // GraftBlock knows the strings that this wraps.
      return new PassthroughTranslator<>();
    }
    throw new IllegalArgumentException("no translator from " + input + " to " + output);
  }
}

/**
 * LoRA adapters as PEFT keeps them: a folder with adapter_config.json and
 * adapter_model.safetensors.
 *
 * @see <a href="https://huggingface.co/docs/peft/developer_guides/checkpoint">PEFT's checkpoint
 *     format</a>
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.peft;

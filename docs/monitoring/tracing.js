// Sends traces of a server over OTLP/HTTP: docs/operations.md says how it is loaded. OTEL_EXPORTER_OTLP_ENDPOINT is
// where to, by default http://localhost:4318; the other OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER and OTEL_BSP_* count too.
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const name = { 'service.name': process.env['OTEL_SERVICE_NAME'] ?? 'cloister' };
const provider = new NodeTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes(name)),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

// The last spans, when the server has closed.
process.once('beforeExit', () => provider.shutdown());

import type { Route } from '../../front-door/service.ts';

const FUNCTIONS = '/2015-03-31/functions';
const ONE = `${FUNCTIONS}/{FunctionName}`;
const EVENT_INVOKE = '/2019-09-25/functions/{FunctionName}/event-invoke-config';

/** Lambda's REST JSON paths, by its API reference. */
export const ROUTES: Route[] = [
  { method: 'POST', path: FUNCTIONS, action: 'CreateFunction', status: 201 },
  { method: 'GET', path: FUNCTIONS, action: 'ListFunctions' },
  { method: 'GET', path: ONE, action: 'GetFunction' },
  { method: 'DELETE', path: ONE, action: 'DeleteFunction', status: 204 },
  { method: 'GET', path: `${ONE}/configuration`, action: 'GetFunctionConfiguration' },
  { method: 'PUT', path: `${ONE}/configuration`, action: 'UpdateFunctionConfiguration' },
  { method: 'PUT', path: `${ONE}/code`, action: 'UpdateFunctionCode' },
  { method: 'GET', path: `${ONE}/policy`, action: 'GetPolicy' },
  { method: 'POST', path: `${ONE}/policy`, action: 'AddPermission', status: 201 },
  { method: 'DELETE', path: `${ONE}/policy/{StatementId}`, action: 'RemovePermission', status: 204 },
  { method: 'PUT', path: EVENT_INVOKE, action: 'PutFunctionEventInvokeConfig' },
  { method: 'GET', path: EVENT_INVOKE, action: 'GetFunctionEventInvokeConfig' },
  { method: 'DELETE', path: EVENT_INVOKE, action: 'DeleteFunctionEventInvokeConfig', status: 204 },
  {
    method: 'POST',
    path: `${ONE}/invocations`,
    action: 'Invoke',
    rawBody: 'Payload',
    headers: {
      InvocationType: 'X-Amz-Invocation-Type',
      LogType: 'X-Amz-Log-Type',
      FunctionError: 'X-Amz-Function-Error',
      LogResult: 'X-Amz-Log-Result',
      ExecutedVersion: 'X-Amz-Executed-Version',
    },
  },
];

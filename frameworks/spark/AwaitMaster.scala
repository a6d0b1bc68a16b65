// Compiled at set-up, as Handover.scala is. It lives in this package because the master's state is shown to nobody else.
package org.apache.spark.deploy.zoe

import scala.concurrent.duration.DurationInt
import scala.util.control.NonFatal

import org.apache.spark.{SparkContext, SparkEnv}
import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, PluginContext, SparkPlugin}
import org.apache.spark.deploy.DeployMessages.{MasterStateResponse, RequestMasterState}
import org.apache.spark.deploy.master.{Master, RecoveryState}
import org.apache.spark.internal.Logging
import org.apache.spark.rpc.RpcAddress

/** Lets a driver start beside its master, instead of after it.
  *
  * A driver asks its master for executors once. One that does not listen yet, or does not lead yet and says nothing, is
  * asked again after 20 seconds. So before that, this asks for the master's state, again and again.
  */
class AwaitMaster extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = new AwaitMasterDriver
  override def executorPlugin(): ExecutorPlugin = null
}

private class AwaitMasterDriver extends DriverPlugin with Logging {
  private val patience = 120.seconds
  private val pause = 50.milliseconds

  /** Called while the context is made: everything of the driver is there but the scheduler, which asks the master. */
  override def init(context: SparkContext, plugin: PluginContext): java.util.Map[String, String] = {
    val address = RpcAddress.fromSparkURL(context.master)
    val giveUp = patience.fromNow
    while (!leads(address) && giveUp.hasTimeLeft()) Thread.sleep(pause.toMillis)
    java.util.Collections.emptyMap()
  }

  private def leads(address: RpcAddress): Boolean =
    try {
      val master = SparkEnv.get.rpcEnv.setupEndpointRef(address, Master.ENDPOINT_NAME)
      master.askSync[MasterStateResponse](RequestMasterState).status != RecoveryState.STANDBY
    } catch {
      case NonFatal(error) =>
        logDebug(s"The master at $address does not answer yet", error)
        false
    }
}
